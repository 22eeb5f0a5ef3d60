<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en" language="de">
  <context>
    <name>ActionBar</name>
    <message>
      <source>Bring back everything as it was before the last propagation, your corrections included</source>
      <translation>Alles so wiederherstellen, wie es vor der letzten Übertragung war, auch Ihre Korrekturen</translation>
    </message>
    <message>
      <source>Bring back what the last undo took away</source>
      <translation>Wiederherstellen, was zuletzt rückgängig gemacht wurde</translation>
    </message>
    <message>
      <source>Carry the corrections on to the slices beside them</source>
      <translation>Die Korrekturen auf die Nachbarschichten übertragen</translation>
    </message>
    <message>
      <source>Discard</source>
      <translation>Verwerfen</translation>
    </message>
    <message>
      <source>Keep</source>
      <translation>Behalten</translation>
    </message>
    <message>
      <source>Keep and teach</source>
      <translation>Behalten und lehren</translation>
    </message>
    <message>
      <source>Keep the segments, and add them to the library now: the next volume has one more example</source>
      <translation>Die Segmente behalten und gleich in die Bibliothek aufnehmen: Das nächste Volumen hat ein Beispiel mehr</translation>
    </message>
    <message>
      <source>Keep the segments; they can be taken up again and corrected further at any time</source>
      <translation>Die Segmente behalten; sie können jederzeit wieder aufgenommen und weiter korrigiert werden</translation>
    </message>
    <message>
      <source>Propagate corrections</source>
      <translation>Korrekturen übertragen</translation>
    </message>
    <message>
      <source>Put the scene back to what it was before the run</source>
      <translation>Die Szene auf den Stand vor dem Lauf zurücksetzen</translation>
    </message>
    <message>
      <source>Redo</source>
      <translation>Wiederholen</translation>
    </message>
    <message>
      <source>Undo</source>
      <translation>Rückgängig</translation>
    </message>
  </context>
  <context>
    <name>AddFilesWindow</name>
    <message>
      <source>A neutral name for the case; numbered where it is empty</source>
      <translation>Ein neutraler Name für den Fall; ohne einen wird er nummeriert</translation>
    </message>
    <message>
      <source>Add</source>
      <translation>Hinzufügen</translation>
    </message>
    <message>
      <source>Add a case from files</source>
      <translation>Einen Fall aus Dateien hinzufügen</translation>
    </message>
    <message>
      <source>Add the case to the library</source>
      <translation>Den Fall in die Bibliothek aufnehmen</translation>
    </message>
    <message>
      <source>Choose the file of the image</source>
      <translation>Die Datei des Bildes wählen</translation>
    </message>
    <message>
      <source>Choose the folder that holds the DICOM series, with all folders below it</source>
      <translation>Den Ordner mit der DICOM-Serie wählen; alle Ordner darunter gehören dazu</translation>
    </message>
    <message>
      <source>Choose the segmentation: .seg.nrrd, a label map, a DICOM SEG or RTSTRUCT</source>
      <translation>Die Segmentierung wählen: .seg.nrrd, eine Labelmap, ein DICOM SEG oder RTSTRUCT</translation>
    </message>
    <message>
      <source>Close</source>
      <translation>Schließen</translation>
    </message>
    <message>
      <source>Close this window</source>
      <translation>Dieses Fenster schließen</translation>
    </message>
    <message>
      <source>DICOM folder...</source>
      <translation>DICOM-Ordner...</translation>
    </message>
    <message>
      <source>Double-click a name to type it</source>
      <translation>Auf einen Namen doppelklicken, um ihn einzutippen</translation>
    </message>
    <message>
      <source>File...</source>
      <translation>Datei...</translation>
    </message>
    <message>
      <source>Image:</source>
      <translation>Bild:</translation>
    </message>
    <message>
      <source>Modality:</source>
      <translation>Modalität:</translation>
    </message>
    <message>
      <source>Name:</source>
      <translation>Name:</translation>
    </message>
    <message>
      <source>Resample gantry tilt and uneven distances of slices to a straight grid; without it such series are refused</source>
      <translation>Eine gekippte Gantry und ungleiche Schichtabstände auf ein gerades Gitter umrechnen; sonst werden solche Serien abgelehnt</translation>
    </message>
    <message>
      <source>Segmentation:</source>
      <translation>Segmentierung:</translation>
    </message>
    <message>
      <source>Straighten slices that are tilted or unevenly spaced (--straighten)</source>
      <translation>Gekippte oder ungleich verteilte Schichten gerade rechnen (--straighten)</translation>
    </message>
    <message>
      <source>The folder holds these series. Choose the one that was segmented.</source>
      <translation>Der Ordner enthält diese Serien. Wählen Sie die, die segmentiert wurde.</translation>
    </message>
    <message>
      <source>The kind of image</source>
      <translation>Die Art des Bildes</translation>
    </message>
    <message>
      <source>The label map does not name its values, and no case of the library does. Name them once; later cases with these values take the names.</source>
      <translation>Die Labelmap benennt ihre Werte nicht, und kein Fall der Bibliothek tut es. Benennen Sie sie einmal; spätere Fälle mit diesen Werten übernehmen die Namen.</translation>
    </message>
    <message>
      <source>The series of the folder</source>
      <translation>Die Serien des Ordners</translation>
    </message>
  </context>
  <context>
    <name>BatchWindow</name>
    <message>
      <source>Add files...</source>
      <translation>Dateien hinzufügen...</translation>
    </message>
    <message>
      <source>Add folder...</source>
      <translation>Ordner hinzufügen...</translation>
    </message>
    <message>
      <source>Add the volumes in a folder and those below it</source>
      <translation>Die Volumen eines Ordners und seiner Unterordner hinzufügen</translation>
    </message>
    <message>
      <source>Add volumes that are not in the scene</source>
      <translation>Volumen hinzufügen, die nicht in der Szene sind</translation>
    </message>
    <message>
      <source>Check volumes. They are segmented one after the other, with the segments and settings chosen in the module. Results of volumes of the scene become segmentations there, results of files become files.</source>
      <translation>Volumen ankreuzen. Sie werden nacheinander segmentiert, mit den Segmenten und Einstellungen, die im Modul gewählt sind. Ergebnisse von Volumen der Szene werden dort zu Segmentierungen, Ergebnisse von Dateien zu Dateien.</translation>
    </message>
    <message>
      <source>Choose the folder for the results of files: each is called as its volume and ends in .seg.nrrd; one that is there already is kept</source>
      <translation>Den Ordner für die Ergebnisse von Dateien wählen: jedes heißt wie sein Volumen und endet auf .seg.nrrd; eines, das schon da ist, bleibt</translation>
    </message>
    <message>
      <source>Close</source>
      <translation>Schließen</translation>
    </message>
    <message>
      <source>Close this window</source>
      <translation>Dieses Fenster schließen</translation>
    </message>
    <message>
      <source>Open a batch...</source>
      <translation>Stapel öffnen ...</translation>
    </message>
    <message>
      <source>Results of files go to...</source>
      <translation>Ergebnisse von Dateien nach...</translation>
    </message>
    <message>
      <source>Segment all</source>
      <translation>Alle segmentieren</translation>
    </message>
    <message>
      <source>Segment several volumes</source>
      <translation>Mehrere Volumen segmentieren</translation>
    </message>
    <message>
      <source>Segment the checked volumes one after the other</source>
      <translation>Die angekreuzten Volumen nacheinander segmentieren</translation>
    </message>
    <message>
      <source>Show the results in a folder of `retrievalsam batch`, with what was decided on its page; those that were rejected come first</source>
      <translation>Die Ergebnisse im Ordner von `retrievalsam batch` zeigen, mit dem, was auf dessen Seite entschieden wurde; abgelehnte stehen zuerst</translation>
    </message>
    <message>
      <source>Take off the list</source>
      <translation>Von der Liste nehmen</translation>
    </message>
    <message>
      <source>Take the selected file off the list; the file stays</source>
      <translation>Die gewählte Datei von der Liste nehmen; die Datei selbst bleibt</translation>
    </message>
    <message>
      <source>The volumes in their turn; Enter or a double-click shows a result that is in the scene</source>
      <translation>Die Volumen der Reihe nach; Eingabetaste oder Doppelklick zeigt ein Ergebnis, das in der Szene ist</translation>
    </message>
    <message>
      <source>Volumes of the scene, and files: those that are checked are segmented</source>
      <translation>Volumen der Szene und Dateien: die angekreuzten werden segmentiert</translation>
    </message>
  </context>
  <context>
    <name>CorrectionsPanel</name>
    <message>
      <source>A propagation trains a copy of what the library has learned on the corrected slices, for some seconds, and mixes what it says into the other slices of this volume; the library stays as it is</source>
      <translation>Beim Übertragen lernt eine Kopie dessen, was die Bibliothek gelernt hat, einige Sekunden lang aus den korrigierten Schichten; was sie sagt, fließt in die anderen Schichten dieses Volumens ein. Die Bibliothek bleibt, wie sie ist</translation>
    </message>
    <message>
      <source>A slice that was looked at and is right counts as corrected: it is never changed, and those beside it lean on it</source>
      <translation>Eine Schicht, die angesehen wurde und stimmt, gilt als korrigiert: sie wird nie verändert, und ihre Nachbarn richten sich nach ihr</translation>
    </message>
    <message>
      <source>Box</source>
      <translation>Kasten</translation>
    </message>
    <message>
      <source>Click along what belongs to the segment; double-click ends the stroke (S)</source>
      <translation>Entlang dessen klicken, was zum Segment gehört; ein Doppelklick beendet den Strich (S)</translation>
    </message>
    <message>
      <source>Click along what does not belong to the segment; double-click ends the stroke (Shift+S)</source>
      <translation>Entlang dessen klicken, was nicht zum Segment gehört; ein Doppelklick beendet den Strich (Umschalt+S)</translation>
    </message>
    <message>
      <source>Click into a slice view to set points that belong to the segment; press again, or Escape, to stop (P)</source>
      <translation>In eine Schichtansicht klicken, um Punkte zu setzen, die zum Segment gehören; noch einmal drücken oder Escape beendet (P)</translation>
    </message>
    <message>
      <source>Click into a slice view to set points that do not belong to the segment; press again, or Escape, to stop (T)</source>
      <translation>In eine Schichtansicht klicken, um Punkte zu setzen, die nicht zum Segment gehören; noch einmal drücken oder Escape beendet (T)</translation>
    </message>
    <message>
      <source>Corrected slices teach, for this volume</source>
      <translation>Aus korrigierten Schichten lernen, für dieses Volumen</translation>
    </message>
    <message>
      <source>Corrections of a result are carried on when you have changed nothing for about three seconds; Undo takes it back</source>
      <translation>Korrekturen eines Ergebnisses werden übertragen, wenn Sie etwa drei Sekunden lang nichts geändert haben; Rückgängig nimmt es zurück</translation>
    </message>
    <message>
      <source>Delete all</source>
      <translation>Alle löschen</translation>
    </message>
    <message>
      <source>Delete all points and boxes of all segments</source>
      <translation>Alle Punkte und Kästen aller Segmente löschen</translation>
    </message>
    <message>
      <source>Points inside</source>
      <translation>Punkte innen</translation>
    </message>
    <message>
      <source>Points outside</source>
      <translation>Punkte außen</translation>
    </message>
    <message>
      <source>Propagate by itself after a pause</source>
      <translation>Nach einer Pause von selbst übertragen</translation>
    </message>
    <message>
      <source>Put a box round the segment on the slice on display; drag its handles to fit (B)</source>
      <translation>Einen Kasten um das Segment auf der angezeigten Schicht setzen; mit den Griffen anpassen (B)</translation>
    </message>
    <message>
      <source>Segment:</source>
      <translation>Segment:</translation>
    </message>
    <message>
      <source>Show at once what points, strokes and boxes do to the slice</source>
      <translation>Gleich zeigen, was Punkte, Striche und Kästen an der Schicht ändern</translation>
    </message>
    <message>
      <source>Slices that count as right; they are never changed. Click a number to go there</source>
      <translation>Schichten, die als richtig gelten; sie werden nie verändert. Ein Klick auf eine Zahl führt dorthin</translation>
    </message>
    <message>
      <source>Stroke inside</source>
      <translation>Strich innen</translation>
    </message>
    <message>
      <source>Stroke outside</source>
      <translation>Strich außen</translation>
    </message>
    <message>
      <source>The segment that points and boxes are placed for</source>
      <translation>Das Segment, für das Punkte und Kästen gesetzt werden</translation>
    </message>
    <message>
      <source>The slice counts as corrected then; off, points and boxes take effect when they are propagated</source>
      <translation>Die Schicht gilt dann als korrigiert; ausgeschaltet wirken Punkte und Kästen erst beim Weitertragen</translation>
    </message>
    <message>
      <source>This slice is right as it is</source>
      <translation>Diese Schicht stimmt so</translation>
    </message>
  </context>
  <context>
    <name>FirstCasePanel</name>
    <message>
      <source>Add</source>
      <translation>Hinzufügen</translation>
    </message>
    <message>
      <source>Name, such as Liver</source>
      <translation>Name, etwa Leber</translation>
    </message>
    <message>
      <source>No annotated case? Name a structure, draw it or click into it on one to three slices, and press Fill the volume below.</source>
      <translation>Kein annotierter Fall? Benennen Sie eine Struktur, zeichnen Sie sie auf ein bis drei Schichten oder klicken Sie hinein, und drücken Sie unten auf „Volumen füllen“.</translation>
    </message>
    <message>
      <source>Structure:</source>
      <translation>Struktur:</translation>
    </message>
    <message>
      <source>The volume to draw on</source>
      <translation>Das Volumen, auf dem gezeichnet wird</translation>
    </message>
    <message>
      <source>Volume:</source>
      <translation>Volumen:</translation>
    </message>
    <message>
      <source>What you want to segment, such as Liver. Not the name of a patient</source>
      <translation>Was Sie segmentieren wollen, etwa Leber. Nicht der Name eines Patienten</translation>
    </message>
  </context>
  <context>
    <name>ImportDialog</name>
    <message>
      <source>Add the checked pairs</source>
      <translation>Die angekreuzten Paare hinzufügen</translation>
    </message>
    <message>
      <source>Check the pairs to add</source>
      <translation>Die Paare ankreuzen, die hinzugefügt werden sollen</translation>
    </message>
    <message>
      <source>Close</source>
      <translation>Schließen</translation>
    </message>
    <message>
      <source>Close this window; an import that goes on is stopped</source>
      <translation>Dieses Fenster schließen; ein laufender Import wird angehalten</translation>
    </message>
    <message>
      <source>Double-click a name to type it</source>
      <translation>Auf einen Namen doppelklicken, um ihn einzutippen</translation>
    </message>
    <message>
      <source>Found these pairs of image and segmentation. Nothing is added before you press Import.</source>
      <translation>Diese Paare aus Bild und Segmentierung wurden gefunden. Vor dem Klick auf Importieren wird nichts hinzugefügt.</translation>
    </message>
    <message>
      <source>Import</source>
      <translation>Importieren</translation>
    </message>
    <message>
      <source>Import a folder</source>
      <translation>Ordner importieren</translation>
    </message>
    <message>
      <source>Modality of all:</source>
      <translation>Modalität aller:</translation>
    </message>
    <message>
      <source>Some label maps do not name their values, and no case of the library does. Name them once; later cases with these values take the names.</source>
      <translation>Einige Labelmaps benennen ihre Werte nicht, und kein Fall der Bibliothek tut es. Benennen Sie sie einmal; spätere Fälle mit diesen Werten übernehmen die Namen.</translation>
    </message>
    <message>
      <source>The kind of image</source>
      <translation>Die Art des Bildes</translation>
    </message>
  </context>
  <context>
    <name>LibraryPanel</name>
    <message>
      <source>Add a case from an image file or a DICOM folder and its segmentation</source>
      <translation>Einen Fall aus einer Bilddatei oder einem DICOM-Ordner und der Segmentierung dazu hinzufügen</translation>
    </message>
    <message>
      <source>Add a case from the scene</source>
      <translation>Fall aus der Szene hinzufügen</translation>
    </message>
    <message>
      <source>Add files...</source>
      <translation>Dateien hinzufügen...</translation>
    </message>
    <message>
      <source>Add from scene</source>
      <translation>Aus der Szene hinzufügen</translation>
    </message>
    <message>
      <source>Add pairs of image and segmentation files</source>
      <translation>Paare aus Bild- und Segmentierungsdateien hinzufügen</translation>
    </message>
    <message>
      <source>Add the cases of a library that was exported as one file</source>
      <translation>Die Fälle einer Bibliothek hinzufügen, die als eine Datei exportiert wurde</translation>
    </message>
    <message>
      <source>Add the volume and the checked segments to the library</source>
      <translation>Das Volumen und die angekreuzten Segmente der Bibliothek hinzufügen</translation>
    </message>
    <message>
      <source>Annotated:</source>
      <translation>Annotiert:</translation>
    </message>
    <message>
      <source>Bring the case removed last back from the trash</source>
      <translation>Den zuletzt entfernten Fall aus dem Papierkorb zurückholen</translation>
    </message>
    <message>
      <source>Check every file of the library against its checksum</source>
      <translation>Jede Datei der Bibliothek mit ihrer Prüfsumme vergleichen</translation>
    </message>
    <message>
      <source>Create...</source>
      <translation>Neu...</translation>
    </message>
    <message>
      <source>Export...</source>
      <translation>Exportieren...</translation>
    </message>
    <message>
      <source>Find cases that are drawn wrong or unlike the others</source>
      <translation>Fälle finden, die falsch gezeichnet oder anders als die übrigen sind</translation>
    </message>
    <message>
      <source>Find the volumes and slices that would teach the library most</source>
      <translation>Die Volumen und Schichten finden, von denen die Bibliothek am meisten lernen würde</translation>
    </message>
    <message>
      <source>Fit the settings to this library</source>
      <translation>Einstellungen an diese Bibliothek anpassen</translation>
    </message>
    <message>
      <source>Give the segments of the selected case, and of all others that have them, other names</source>
      <translation>Den Segmenten des gewählten Falls, und aller anderen, die sie haben, andere Namen geben</translation>
    </message>
    <message>
      <source>Import file...</source>
      <translation>Datei importieren...</translation>
    </message>
    <message>
      <source>Import folder...</source>
      <translation>Ordner importieren...</translation>
    </message>
    <message>
      <source>Import, export, verify, review the library, and what to annotate next</source>
      <translation>Die Bibliothek importieren, exportieren, prüfen, durchsehen, und was als Nächstes zu annotieren ist</translation>
    </message>
    <message>
      <source>Learn from this library</source>
      <translation>Aus dieser Bibliothek lernen</translation>
    </message>
    <message>
      <source>Load</source>
      <translation>Laden</translation>
    </message>
    <message>
      <source>Load the selected case into the scene</source>
      <translation>Den gewählten Fall in die Szene laden</translation>
    </message>
    <message>
      <source>Make a new support library in an empty folder</source>
      <translation>In einem leeren Ordner eine neue Beispielbibliothek anlegen</translation>
    </message>
    <message>
      <source>Modality:</source>
      <translation>Modalität:</translation>
    </message>
    <message>
      <source>Move the selected case to the trash of the library</source>
      <translation>Den gewählten Fall in den Papierkorb der Bibliothek legen</translation>
    </message>
    <message>
      <source>Name of the case in the library; numbered when left empty</source>
      <translation>Name des Falls in der Bibliothek; bleibt er leer, wird nummeriert</translation>
    </message>
    <message>
      <source>Name:</source>
      <translation>Name:</translation>
    </message>
    <message>
      <source>No library is open.</source>
      <translation>Keine Bibliothek ist geöffnet.</translation>
    </message>
    <message>
      <source>Open the folder of a support library</source>
      <translation>Den Ordner einer Beispielbibliothek öffnen</translation>
    </message>
    <message>
      <source>Open...</source>
      <translation>Öffnen...</translation>
    </message>
    <message>
      <source>Remove</source>
      <translation>Entfernen</translation>
    </message>
    <message>
      <source>Rename...</source>
      <translation>Umbenennen...</translation>
    </message>
    <message>
      <source>Review library...</source>
      <translation>Bibliothek prüfen...</translation>
    </message>
    <message>
      <source>Search by name, modality or segment</source>
      <translation>Suche nach Name, Modalität oder Segment</translation>
    </message>
    <message>
      <source>Segmentation:</source>
      <translation>Segmentierung:</translation>
    </message>
    <message>
      <source>Segments:</source>
      <translation>Segmente:</translation>
    </message>
    <message>
      <source>Shows the cases that hold all words</source>
      <translation>Zeigt die Fälle, in denen alle Wörter vorkommen</translation>
    </message>
    <message>
      <source>The annotated cases; double-click to load one into the scene</source>
      <translation>Die annotierten Fälle; ein Doppelklick lädt einen in die Szene</translation>
    </message>
    <message>
      <source>The annotated volume</source>
      <translation>Das annotierte Volumen</translation>
    </message>
    <message>
      <source>The kind of image</source>
      <translation>Die Art des Bildes</translation>
    </message>
    <message>
      <source>The segmentation that was drawn on it</source>
      <translation>Die Segmentierung, die darauf gezeichnet wurde</translation>
    </message>
    <message>
      <source>The segments to keep in the case</source>
      <translation>Die Segmente, die der Fall behalten soll</translation>
    </message>
    <message>
      <source>Tools</source>
      <translation>Werkzeuge</translation>
    </message>
    <message>
      <source>Train a small network on the cases, in the background; it is used as far as it proves to be better on cases that it has not seen</source>
      <translation>Ein kleines Netz im Hintergrund an den Fällen trainieren; es wird so weit genutzt, wie es an Fällen, die es nicht kennt, nachweislich besser ist</translation>
    </message>
    <message>
      <source>Try other settings and confidence for the chosen model and preset on the cases, in the background, for up to an hour; what proves to be better on patients that were left out is used from then on. Meant for other weights than the bundled model's: the usual settings were fitted to that one</source>
      <translation>An den Fällen im Hintergrund bis zu einer Stunde lang andere Einstellungen und eine andere Konfidenz für das gewählte Modell und die gewählte Voreinstellung versuchen; was sich an ausgelassenen Patienten als besser erweist, wird von da an verwendet. Gedacht für andere Gewichte als die des mitgelieferten Modells: Diesem wurden die üblichen Einstellungen angepasst</translation>
    </message>
    <message>
      <source>Undo remove</source>
      <translation>Zurückholen</translation>
    </message>
    <message>
      <source>Verify</source>
      <translation>Nachprüfen</translation>
    </message>
    <message>
      <source>Volume:</source>
      <translation>Volumen:</translation>
    </message>
    <message>
      <source>What to annotate next...</source>
      <translation>Was als Nächstes annotieren...</translation>
    </message>
    <message>
      <source>Whether slices without a segment say that nothing is there</source>
      <translation>Ob Schichten ohne Segment besagen, dass dort nichts ist</translation>
    </message>
    <message>
      <source>Whether slices without a segment say that nothing is there: all slices count as annotated, or only those that hold a segment, each drawn whole</source>
      <translation>Ob Schichten ohne Segment besagen, dass dort nichts ist: alle Schichten gelten als annotiert, oder nur solche mit einem Segment, jede ganz gezeichnet</translation>
    </message>
    <message>
      <source>Write the library as one file, to share it or keep it</source>
      <translation>Die Bibliothek als eine Datei schreiben, zum Weitergeben oder Aufbewahren</translation>
    </message>
    <message>
      <source>numbered when left empty</source>
      <translation>bleibt es leer, wird nummeriert</translation>
    </message>
  </context>
  <context>
    <name>RenameWindow</name>
    <message>
      <source>Change the names in all cases that have these segments</source>
      <translation>Die Namen in allen Fällen mit diesen Segmenten ändern</translation>
    </message>
    <message>
      <source>Close</source>
      <translation>Schließen</translation>
    </message>
    <message>
      <source>Close this window</source>
      <translation>Dieses Fenster schließen</translation>
    </message>
    <message>
      <source>Double-click a name to type it</source>
      <translation>Auf einen Namen doppelklicken, um ihn einzutippen</translation>
    </message>
    <message>
      <source>Rename</source>
      <translation>Umbenennen</translation>
    </message>
    <message>
      <source>Rename segments</source>
      <translation>Segmente umbenennen</translation>
    </message>
    <message>
      <source>Type other names. They change in this case and in all others that have the same segments; masks and values stay, and each case gets a new version.</source>
      <translation>Tippen Sie andere Namen ein. Sie ändern sich in diesem Fall und in allen anderen mit denselben Segmenten; Masken und Werte bleiben, und jeder Fall bekommt eine neue Version.</translation>
    </message>
  </context>
  <context>
    <name>ResultsPanel</name>
    <message>
      <source>A segmentation of this scene that a run has made: kept, put aside, saved with the scene, or loaded from a file with its report</source>
      <translation>Eine Segmentierung dieser Szene aus einem Lauf: behalten, beiseitegelegt, mit der Szene gespeichert oder aus einer Datei mit ihrem Bericht geladen</translation>
    </message>
    <message>
      <source>Click to go to that slice</source>
      <translation>Klicken, um zu dieser Schicht zu springen</translation>
    </message>
    <message>
      <source>Click to show the slice in all views</source>
      <translation>Ein Klick zeigt die Schicht in allen Ansichten</translation>
    </message>
    <message>
      <source>Earlier result:</source>
      <translation>Früheres Ergebnis:</translation>
    </message>
    <message>
      <source>Examples behind a slice</source>
      <translation>Beispiele hinter einer Schicht</translation>
    </message>
    <message>
      <source>No result yet.</source>
      <translation>Noch kein Ergebnis.</translation>
    </message>
    <message>
      <source>Numbers as a table</source>
      <translation>Zahlen als Tabelle</translation>
    </message>
    <message>
      <source>Save numbers...</source>
      <translation>Zahlen speichern ...</translation>
    </message>
    <message>
      <source>Show in 3D</source>
      <translation>In 3D zeigen</translation>
    </message>
    <message>
      <source>Show the surfaces of the segments in the 3D view</source>
      <translation>Die Oberflächen der Segmente in der 3D-Ansicht zeigen</translation>
    </message>
    <message>
      <source>Slices to look at first: those whose correction gains most for the whole result come first (Gain, in Dice; what it mends beside them counts too).</source>
      <translation>Schichten, die Sie zuerst ansehen sollten: Zuerst kommen die, deren Korrektur dem ganzen Ergebnis am meisten bringt (Gewinn, in Dice; was sie daneben verbessert, zählt mit).</translation>
    </message>
    <message>
      <source>Take up</source>
      <translation>Wieder aufnehmen</translation>
    </message>
    <message>
      <source>The annotated slices that this slice was drawn from; double-click to load the case</source>
      <translation>Die annotierten Schichten, nach denen diese Schicht gezeichnet wurde; ein Doppelklick lädt den Fall</translation>
    </message>
    <message>
      <source>The same numbers as a CSV file for spreadsheets and statistics</source>
      <translation>Dieselben Zahlen als CSV-Datei für Tabellen und Statistik</translation>
    </message>
    <message>
      <source>The segments that were found</source>
      <translation>Die gefundenen Segmente</translation>
    </message>
    <message>
      <source>Volume, surface, largest diameter, mean and spread of the image, confidence and corrected slices of every segment, as a table of the scene</source>
      <translation>Volumen, Oberfläche, größter Durchmesser, Mittelwert und Streuung des Bildes, Sicherheit und korrigierte Schichten jedes Segments als Tabelle der Szene</translation>
    </message>
  </context>
  <context>
    <name>RetrievalSAM</name>
    <message>
      <source>Draw and correct</source>
      <translation>Zeichnen und korrigieren</translation>
    </message>
    <message>
      <source>First case without a library</source>
      <translation>Erster Fall ohne Bibliothek</translation>
    </message>
    <message>
      <source>Results</source>
      <translation>Ergebnisse</translation>
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation>RetrievalSAM</translation>
    </message>
    <message>
      <source>Segment</source>
      <translation>Segmentieren</translation>
    </message>
    <message>
      <source>Segments a volume by the example of a few annotated ones, which you keep in a support library. No training, no GPU needed, nothing leaves this computer. For research use only. &lt;a href="https://github.com/RetrievalSAM/SlicerRetrievalSAM"&gt;Documentation and tutorial&lt;/a&gt;</source>
      <translation>Segmentiert ein Volumen nach dem Beispiel weniger annotierter, die Sie in einer Beispielbibliothek halten. Kein Training, keine Grafikkarte nötig, nichts verlässt diesen Computer. Nur für die Forschung. &lt;a href="https://github.com/RetrievalSAM/SlicerRetrievalSAM"&gt;Dokumentation und Anleitung&lt;/a&gt;</translation>
    </message>
    <message>
      <source>Set-up</source>
      <translation>Einrichtung</translation>
    </message>
    <message>
      <source>Support library</source>
      <translation>Beispielbibliothek</translation>
    </message>
    <message>
      <source>The method joins FATE-SAM (arXiv 2501.09138) and Zhao et al. (arXiv 2408.08813); it stands on SAM 2 (arXiv 2408.00714) and DINOv2 (arXiv 2304.07193).</source>
      <translation>Das Verfahren verbindet FATE-SAM (arXiv 2501.09138) und Zhao et al. (arXiv 2408.08813); es beruht auf SAM 2 (arXiv 2408.00714) und DINOv2 (arXiv 2304.07193).</translation>
    </message>
    <message>
      <source>The tests are not installed; load the module from its source to run them.</source>
      <translation>Die Tests sind nicht installiert; laden Sie das Modul aus seinem Quelltext, um sie laufen zu lassen.</translation>
    </message>
  </context>
  <context>
    <name>RetrievalSAMModule.packages</name>
    <message>
      <source>PyTorch was not installed. Press the button again to try once more.</source>
      <translation>PyTorch wurde nicht installiert. Drücken Sie den Knopf noch einmal, um es erneut zu versuchen.</translation>
    </message>
    <message>
      <source>The PyTorch extension is missing. Open Slicer's Extensions Manager, install 'PyTorch', and restart Slicer. Without internet, install it from a file there.</source>
      <translation>Die Erweiterung PyTorch fehlt. Öffnen Sie Slicers Extensions Manager, installieren Sie 'PyTorch' und starten Sie Slicer neu. Ohne Internet lässt sie sich dort aus einer Datei installieren.</translation>
    </message>
    <message>
      <source>The packages could not be installed: {error}. Behind a firewall, let someone with internet run 'pip download' for this Python version, and choose that folder with 'From folder'.</source>
      <translation>Die Pakete konnten nicht installiert werden: {error}. Hinter einer Firewall lassen Sie jemanden mit Internetzugang 'pip download' für diese Python-Version ausführen, und wählen Sie dessen Ordner mit 'Aus Ordner'.</translation>
    </message>
  </context>
  <context>
    <name>RetrievalSAMModule.sample_data</name>
    <message>
      <source>Segments of {volume}</source>
      <translation>Segmente von {volume}</translation>
    </message>
  </context>
  <context>
    <name>ReviewWindow</name>
    <message>
      <source>Bring the case removed last back from the trash</source>
      <translation>Den zuletzt entfernten Fall aus dem Papierkorb zurückholen</translation>
    </message>
    <message>
      <source>Close</source>
      <translation>Schließen</translation>
    </message>
    <message>
      <source>Close this window; a review that goes on is not stopped</source>
      <translation>Dieses Fenster schließen; eine laufende Prüfung geht weiter</translation>
    </message>
    <message>
      <source>Every case is segmented by the example of the others and compared with what was drawn in it. This takes as long as segmenting them all; a review that was stopped continues where it stopped. Segmenting goes first.</source>
      <translation>Jeder Fall wird nach dem Beispiel der anderen segmentiert und mit dem verglichen, was in ihm gezeichnet wurde. Das dauert so lange, wie alle zu segmentieren; eine angehaltene Prüfung geht dort weiter, wo sie aufhörte. Segmentieren hat Vorrang.</translation>
    </message>
    <message>
      <source>Export as CSV...</source>
      <translation>Als CSV exportieren...</translation>
    </message>
    <message>
      <source>Load the case and go to the slice that says most</source>
      <translation>Den Fall laden und die Schicht zeigen, die am meisten aussagt</translation>
    </message>
    <message>
      <source>Move the case to the trash of the library</source>
      <translation>Den Fall in den Papierkorb der Bibliothek legen</translation>
    </message>
    <message>
      <source>Order:</source>
      <translation>Reihenfolge:</translation>
    </message>
    <message>
      <source>Remove case...</source>
      <translation>Fall entfernen...</translation>
    </message>
    <message>
      <source>Review</source>
      <translation>Prüfen</translation>
    </message>
    <message>
      <source>Review of the library</source>
      <translation>Prüfung der Bibliothek</translation>
    </message>
    <message>
      <source>Segment every case by the example of the others</source>
      <translation>Jeden Fall nach dem Beispiel der anderen segmentieren</translation>
    </message>
    <message>
      <source>Show</source>
      <translation>Zeigen</translation>
    </message>
    <message>
      <source>Undo remove</source>
      <translation>Zurückholen</translation>
    </message>
    <message>
      <source>What is odd in the cases, and the Dice of what the other cases find with what was drawn; Enter or a double-click shows the case</source>
      <translation>Was an den Fällen auffällt, und der Dice-Wert zwischen dem, was die anderen Fälle finden, und dem, was gezeichnet wurde; Eingabetaste oder Doppelklick zeigt den Fall</translation>
    </message>
    <message>
      <source>What the table is sorted by; a click on a column does the same, a second one turns it round</source>
      <translation>Wonach die Tabelle geordnet ist; ein Klick auf eine Spalte bewirkt dasselbe, ein zweiter kehrt sie um</translation>
    </message>
    <message>
      <source>Write the table for a spreadsheet; it holds no path</source>
      <translation>Die Tabelle für ein Tabellenprogramm schreiben; sie enthält keinen Pfad</translation>
    </message>
  </context>
  <context>
    <name>SegmentPanel</name>
    <message>
      <source>Clean the masks</source>
      <translation>Masken säubern</translation>
    </message>
    <message>
      <source>Device:</source>
      <translation>Gerät:</translation>
    </message>
    <message>
      <source>Find the segments of the library in the volume</source>
      <translation>Die Segmente der Bibliothek im Volumen suchen</translation>
    </message>
    <message>
      <source>How many examples each slice is compared with; or a published method, for comparison</source>
      <translation>Mit wie vielen Beispielen jede Schicht verglichen wird; oder ein veröffentlichtes Verfahren, zum Vergleich</translation>
    </message>
    <message>
      <source>Look only inside this region of interest</source>
      <translation>Nur in diesem Bereich suchen</translation>
    </message>
    <message>
      <source>Model:</source>
      <translation>Modell:</translation>
    </message>
    <message>
      <source>More choices</source>
      <translation>Weitere Einstellungen</translation>
    </message>
    <message>
      <source>New segmentation</source>
      <translation>Neue Segmentierung</translation>
    </message>
    <message>
      <source>Plane:</source>
      <translation>Ebene:</translation>
    </message>
    <message>
      <source>Region:</source>
      <translation>Bereich:</translation>
    </message>
    <message>
      <source>Result:</source>
      <translation>Ergebnis:</translation>
    </message>
    <message>
      <source>Segment</source>
      <translation>Segmentieren</translation>
    </message>
    <message>
      <source>Segment volumes of the scene, or files, one after the other with these settings</source>
      <translation>Volumen der Szene oder Dateien mit diesen Einstellungen nacheinander segmentieren</translation>
    </message>
    <message>
      <source>Segments:</source>
      <translation>Segmente:</translation>
    </message>
    <message>
      <source>Several volumes...</source>
      <translation>Mehrere Volumen...</translation>
    </message>
    <message>
      <source>Speed:</source>
      <translation>Tempo:</translation>
    </message>
    <message>
      <source>Takes away loose islands, fills small holes where no case has the like, and smooths outlines; what you draw stays as it is</source>
      <translation>Entfernt lose Inseln und füllt kleine Löcher, wie sie kein Fall hat, und glättet Umrisse; was Sie zeichnen, bleibt, wie es ist</translation>
    </message>
    <message>
      <source>The network; others than the bundled one are downloaded or imported on the set-up page</source>
      <translation>Das Netz; andere als das mitgelieferte werden auf der Einrichtungsseite geladen oder importiert</translation>
    </message>
    <message>
      <source>The plane in which the volume is sliced</source>
      <translation>Die Ebene, in der das Volumen in Schichten zerlegt wird</translation>
    </message>
    <message>
      <source>The segmentation that gets the segments; its other segments stay</source>
      <translation>Die Segmentierung, in die die Segmente kommen; ihre anderen Segmente bleiben</translation>
    </message>
    <message>
      <source>The segments of the library to look for</source>
      <translation>Die Segmente der Bibliothek, die gesucht werden</translation>
    </message>
    <message>
      <source>The volume to segment</source>
      <translation>Das Volumen, das segmentiert werden soll</translation>
    </message>
    <message>
      <source>Volume:</source>
      <translation>Volumen:</translation>
    </message>
    <message>
      <source>Where the network runs</source>
      <translation>Wo das Netz rechnet</translation>
    </message>
    <message>
      <source>Whole volume</source>
      <translation>Ganzes Volumen</translation>
    </message>
  </context>
  <context>
    <name>SeriesWindow</name>
    <message>
      <source>Add</source>
      <translation>Hinzufügen</translation>
    </message>
    <message>
      <source>Add the chosen series</source>
      <translation>Die gewählten Serien hinzufügen</translation>
    </message>
    <message>
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <source>Choose series</source>
      <translation>Serien wählen</translation>
    </message>
    <message>
      <source>Close this window; nothing is added</source>
      <translation>Dieses Fenster schließen; nichts wird hinzugefügt</translation>
    </message>
    <message>
      <source>The folder holds these DICOM series. Choose those to add; with Ctrl several.</source>
      <translation>Der Ordner enthält diese DICOM-Serien. Wählen Sie, welche hinzukommen; mit Strg mehrere.</translation>
    </message>
    <message>
      <source>The series of the folder</source>
      <translation>Die Serien des Ordners</translation>
    </message>
  </context>
  <context>
    <name>ServerPanel</name>
    <message>
      <source>Address:</source>
      <translation>Adresse:</translation>
    </message>
    <message>
      <source>Ask the server for its state and its libraries</source>
      <translation>Den Server nach seinem Zustand und seinen Bibliotheken fragen</translation>
    </message>
    <message>
      <source>CA file:</source>
      <translation>CA-Datei:</translation>
    </message>
    <message>
      <source>Certificate of your own authority (PEM); empty for those that everybody trusts</source>
      <translation>Zertifikat Ihrer eigenen Zertifizierungsstelle (PEM); leer für die allgemein anerkannten</translation>
    </message>
    <message>
      <source>Choose the certificate file</source>
      <translation>Die Zertifikatdatei wählen</translation>
    </message>
    <message>
      <source>Choose...</source>
      <translation>Wählen...</translation>
    </message>
    <message>
      <source>Compute on:</source>
      <translation>Rechnen auf:</translation>
    </message>
    <message>
      <source>It stands there unencrypted: leave it off where others use this computer</source>
      <translation>Dort steht es unverschlüsselt: nicht einschalten, wo andere diesen Computer benutzen</translation>
    </message>
    <message>
      <source>Keep the token in Slicer's settings</source>
      <translation>Token in Slicers Einstellungen behalten</translation>
    </message>
    <message>
      <source>Library:</source>
      <translation>Bibliothek:</translation>
    </message>
    <message>
      <source>Of the server, such as https://gpu.hospital.example:8765</source>
      <translation>Des Servers, etwa https://gpu.hospital.example:8765</translation>
    </message>
    <message>
      <source>Support library of the server's, by which runs segment</source>
      <translation>Beispielbibliothek auf dem Server, nach der segmentiert wird</translation>
    </message>
    <message>
      <source>Test</source>
      <translation>Testen</translation>
    </message>
    <message>
      <source>Token:</source>
      <translation>Token:</translation>
    </message>
    <message>
      <source>What the administrator of the server gave you; it stays in memory until Slicer is closed</source>
      <translation>Was Ihnen die Verwaltung des Servers gegeben hat; es bleibt im Arbeitsspeicher, bis Slicer beendet wird</translation>
    </message>
    <message>
      <source>Where volumes are segmented</source>
      <translation>Wo Volumen segmentiert werden</translation>
    </message>
    <message>
      <source>https://name:8765</source>
      <translation>https://name:8765</translation>
    </message>
  </context>
  <context>
    <name>SetupPanel</name>
    <message>
      <source>Check again</source>
      <translation>Noch einmal prüfen</translation>
    </message>
    <message>
      <source>Copy official weight files from a folder, for computers without internet</source>
      <translation>Offizielle Gewichtsdateien aus einem Ordner kopieren, für Computer ohne Internet</translation>
    </message>
    <message>
      <source>Copy report</source>
      <translation>Bericht kopieren</translation>
    </message>
    <message>
      <source>Copy what went wrong to the clipboard; it holds no image and no name of a volume</source>
      <translation>Was schiefging, in die Zwischenablage kopieren; kein Bild und kein Name eines Volumens ist darin</translation>
    </message>
    <message>
      <source>Import weights...</source>
      <translation>Gewichte importieren...</translation>
    </message>
    <message>
      <source>Look again at packages, weights, memory and disk</source>
      <translation>Pakete, Gewichte, Arbeitsspeicher und Platte noch einmal ansehen</translation>
    </message>
    <message>
      <source>Restart the worker</source>
      <translation>Rechenprozess neu starten</translation>
    </message>
    <message>
      <source>Start the computing process anew</source>
      <translation>Den rechnenden Prozess von vorn beginnen</translation>
    </message>
    <message>
      <source>What RetrievalSAM needs and what this computer has</source>
      <translation>Was RetrievalSAM braucht und was dieser Computer hat</translation>
    </message>
  </context>
  <context>
    <name>StartPanel</name>
    <message>
      <source>  I have annotated cases</source>
      <translation>  Ich habe annotierte Fälle</translation>
    </message>
    <message>
      <source>  I have none</source>
      <translation>  Ich habe keine</translation>
    </message>
    <message>
      <source>  Try it with an example</source>
      <translation>  Mit einem Beispiel ausprobieren</translation>
    </message>
    <message>
      <source>A folder with images and their segmentations becomes a library</source>
      <translation>Ein Ordner mit Bildern und ihren Segmentierungen wird zu einer Bibliothek</translation>
    </message>
    <message>
      <source>Draw a structure on one to three slices of the volume on display</source>
      <translation>Eine Struktur auf ein bis drei Schichten des angezeigten Volumens zeichnen</translation>
    </message>
    <message>
      <source>Made-up volumes: nothing is downloaded, nobody was scanned</source>
      <translation>Erdachte Volumen: Nichts wird heruntergeladen, niemand wurde untersucht</translation>
    </message>
    <message>
      <source>Show a few annotated volumes, and the next ones are segmented by them. Where do you want to begin?</source>
      <translation>Zeigen Sie einige annotierte Volumen; die nächsten werden nach ihnen segmentiert. Womit wollen Sie beginnen?</translation>
    </message>
  </context>
  <context>
    <name>SuggestWindow</name>
    <message>
      <source>Add files...</source>
      <translation>Dateien hinzufügen...</translation>
    </message>
    <message>
      <source>Add volumes that are not in the scene, or reports that "retrievalsam segment --report" wrote on some of them</source>
      <translation>Volumen hinzufügen, die nicht in der Szene sind, oder Berichte, die "retrievalsam segment --report" über einige davon geschrieben hat</translation>
    </message>
    <message>
      <source>Check volumes that are not annotated yet. They are ranked by what a mask of theirs would teach the library, with the few slices worth drawing first.</source>
      <translation>Volumen ankreuzen, die noch nicht annotiert sind. Sie werden danach geordnet, was eine Maske von ihnen der Bibliothek bringen würde, mit den wenigen Schichten, die zuerst zu zeichnen sind.</translation>
    </message>
    <message>
      <source>Close</source>
      <translation>Schließen</translation>
    </message>
    <message>
      <source>Close this window</source>
      <translation>Dieses Fenster schließen</translation>
    </message>
    <message>
      <source>Compare the checked volumes with the library</source>
      <translation>Die angekreuzten Volumen mit der Bibliothek vergleichen</translation>
    </message>
    <message>
      <source>Draw first:</source>
      <translation>Zuerst zeichnen:</translation>
    </message>
    <message>
      <source>Draw these slices</source>
      <translation>Diese Schichten zeichnen</translation>
    </message>
    <message>
      <source>Make a segmentation with the segments of the library, and open the Segment Editor</source>
      <translation>Eine Segmentierung mit den Segmenten der Bibliothek anlegen und den Segment Editor öffnen</translation>
    </message>
    <message>
      <source>Rank</source>
      <translation>Ordnen</translation>
    </message>
    <message>
      <source>Take off the list</source>
      <translation>Von der Liste nehmen</translation>
    </message>
    <message>
      <source>Take the selected file off the list; the file stays</source>
      <translation>Die gewählte Datei von der Liste nehmen; die Datei selbst bleibt</translation>
    </message>
    <message>
      <source>Volumes of the scene, and files: those that are checked are compared with the library. Reports of the command line may be among the files; those of runs in this session are used by themselves</source>
      <translation>Volumen der Szene und Dateien: die angekreuzten werden mit der Bibliothek verglichen. Unter den Dateien dürfen Berichte der Befehlszeile sein; die aus dieser Sitzung werden von selbst benutzt</translation>
    </message>
    <message>
      <source>What to annotate next</source>
      <translation>Was als Nächstes annotieren</translation>
    </message>
    <message>
      <source>What would teach the library most comes first; Enter or a double-click shows the volume</source>
      <translation>Was der Bibliothek am meisten bringt, steht zuerst; Eingabetaste oder Doppelklick zeigt das Volumen</translation>
    </message>
  </context>
  <context>
    <name>clients.server_place</name>
    <message>
      <source>RetrievalSAM</source>
      <translation>RetrievalSAM</translation>
    </message>
    <message>
      <source>The volume leaves this computer: its voxels and grid, without name and header, are sent to {address}, which deletes them some time after the run. Send volumes there until Slicer is closed?</source>
      <translation>Das Volumen verlässt diesen Computer: seine Voxel und sein Gitter, ohne Namen und Kopfdaten, gehen an {address}, wo sie einige Zeit nach der Berechnung gelöscht werden. Bis Slicer beendet wird Volumen dorthin senden?</translation>
    </message>
  </context>
  <context>
    <name>clients.worker_client</name>
    <message>
      <source>Press Restart and try again; with little memory, choose the preset 'fast' or a smaller region.</source>
      <translation>Drücken Sie Neu starten und versuchen Sie es noch einmal; bei wenig Arbeitsspeicher wählen Sie ein schnelleres Tempo oder einen kleineren Bereich.</translation>
    </message>
    <message>
      <source>The worker process could not be started ({program}). Install Slicer or the extension again.</source>
      <translation>Der Rechenprozess konnte nicht gestartet werden ({program}). Installieren Sie Slicer oder die Erweiterung neu.</translation>
    </message>
    <message>
      <source>The worker process has ended unexpectedly. Nothing in the scene or the library was changed. </source>
      <translation>Der Rechenprozess ist unerwartet zu Ende gegangen. In der Szene und der Bibliothek wurde nichts verändert. </translation>
    </message>
    <message>
      <source>The worker sent something unreadable and was stopped.</source>
      <translation>Der Rechenprozess hat etwas Unlesbares gesendet und wurde angehalten.</translation>
    </message>
  </context>
  <context>
    <name>desk.action_bar</name>
    <message>
      <source>A run goes on.</source>
      <translation>Ein Lauf ist im Gange.</translation>
    </message>
    <message>
      <source>Fill the volume first.</source>
      <translation>Füllen Sie zuerst das Volumen.</translation>
    </message>
    <message>
      <source>Keep and teach</source>
      <translation>Behalten und lehren</translation>
    </message>
    <message>
      <source>Keep the segments, and add them to the library now: the next volume has one more example</source>
      <translation>Die Segmente behalten und gleich in die Bibliothek aufnehmen: Das nächste Volumen hat ein Beispiel mehr</translation>
    </message>
    <message>
      <source>Keep the segments, and make a library with them as its first case: the next volume needs no drawing</source>
      <translation>Die Segmente behalten und mit ihnen als erstem Fall eine Bibliothek anlegen: Das nächste Volumen braucht keine Zeichnung</translation>
    </message>
    <message>
      <source>Keep the segments; they can be taken up again and corrected further at any time</source>
      <translation>Die Segmente behalten; sie können jederzeit wieder aufgenommen und weiter korrigiert werden</translation>
    </message>
    <message>
      <source>Put the scene back to what it was before</source>
      <translation>Die Szene so wiederherstellen, wie sie vorher war</translation>
    </message>
    <message>
      <source>Save as first case</source>
      <translation>Als ersten Fall speichern</translation>
    </message>
  </context>
  <context>
    <name>desk.corrections_panel</name>
    <message>
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <source>Carry the corrections on to the slices beside them</source>
      <translation>Die Korrekturen auf die Nachbarschichten übertragen</translation>
    </message>
    <message>
      <source>Carry what you drew through the whole volume</source>
      <translation>Das Gezeichnete durch das ganze Volumen tragen</translation>
    </message>
    <message>
      <source>Corrected slices: {slices}</source>
      <translation>Korrigierte Schichten: {slices}</translation>
    </message>
    <message>
      <source>Drawn slices: {slices}</source>
      <translation>Gezeichnete Schichten: {slices}</translation>
    </message>
    <message>
      <source>Everything is as it was before the propagation; Redo brings it back.</source>
      <translation>Alles ist so, wie es vor der Übertragung war; Wiederholen bringt sie zurück.</translation>
    </message>
    <message>
      <source>Fill the volume</source>
      <translation>Volumen füllen</translation>
    </message>
    <message>
      <source>No slice is corrected yet: edit some, or place points or a box.</source>
      <translation>Noch ist keine Schicht korrigiert: Bearbeiten Sie einige, oder setzen Sie Punkte oder einen Kasten.</translation>
    </message>
    <message>
      <source>Nothing is drawn yet: draw a slice, or place points.</source>
      <translation>Noch ist nichts gezeichnet: Zeichnen Sie eine Schicht, oder setzen Sie Punkte.</translation>
    </message>
    <message>
      <source>Propagate corrections</source>
      <translation>Korrekturen übertragen</translation>
    </message>
    <message>
      <source>Slice {index} is done; where it is empty, the structure ends before it</source>
      <translation>Schicht {index} ist fertig; wo sie leer ist, endet die Struktur davor</translation>
    </message>
    <message>
      <source>Slice {index} is right as it is</source>
      <translation>Schicht {index} stimmt so</translation>
    </message>
    <message>
      <source>Slices that count as right; they are never changed. Click a number to go there.</source>
      <translation>Schichten, die als richtig gelten; sie werden nie verändert. Ein Klick auf eine Zahl führt dorthin.</translation>
    </message>
    <message>
      <source>Starting...</source>
      <translation>Beginnt...</translation>
    </message>
    <message>
      <source>Stop; the scene is put back</source>
      <translation>Anhalten; die Szene wird wiederhergestellt</translation>
    </message>
    <message>
      <source>Stopping...</source>
      <translation>Wird angehalten...</translation>
    </message>
    <message>
      <source>The run failed; the scene is as it was before.</source>
      <translation>Die Berechnung ist fehlgeschlagen; die Szene ist, wie sie vorher war.</translation>
    </message>
    <message>
      <source>The slice is right</source>
      <translation>Die Schicht stimmt</translation>
    </message>
    <message>
      <source>{counts}; slices: {slices}</source>
      <translation>{counts}; Schichten: {slices}</translation>
    </message>
    <message>
      <source>{index}: right as it is</source>
      <translation>{index}: stimmt so</translation>
    </message>
    <message>
      <source>{index}: {segments}</source>
      <translation>{index}: {segments}</translation>
    </message>
  </context>
  <context>
    <name>desk.first_case_panel</name>
    <message>
      <source>A run goes on.</source>
      <translation>Ein Lauf ist im Gange.</translation>
    </message>
    <message>
      <source>Begin to draw it</source>
      <translation>Mit dem Zeichnen beginnen</translation>
    </message>
    <message>
      <source>Choose a volume.</source>
      <translation>Wählen Sie ein Volumen.</translation>
    </message>
    <message>
      <source>Now draw it below on one to three slices, or place points in it; each slice is drawn whole. A double click on a color of the table opens Slicer's terminology. Several structures can be drawn together.</source>
      <translation>Zeichnen Sie sie nun unten auf ein bis drei Schichten, jede ganz, oder setzen Sie Punkte hinein. Ein Doppelklick auf eine Farbe der Tabelle öffnet die Terminologie von Slicer. Mehrere Strukturen können zusammen gezeichnet werden.</translation>
    </message>
    <message>
      <source>There is a structure of that name already.</source>
      <translation>Eine Struktur dieses Namens gibt es schon.</translation>
    </message>
    <message>
      <source>Type the name of a structure, such as Liver.</source>
      <translation>Geben Sie den Namen einer Struktur ein, etwa Leber.</translation>
    </message>
  </context>
  <context>
    <name>desk.keeping</name>
    <message>
      <source>'{file}' cannot be read as a report.</source>
      <translation>„{file}“ kann nicht als Bericht gelesen werden.</translation>
    </message>
    <message>
      <source>'{file}' is no report of a run.</source>
      <translation>„{file}“ ist kein Bericht eines Laufs.</translation>
    </message>
    <message>
      <source>A run goes on.</source>
      <translation>Ein Lauf ist im Gange.</translation>
    </message>
    <message>
      <source>Choose a segmentation.</source>
      <translation>Wählen Sie eine Segmentierung.</translation>
    </message>
    <message>
      <source>It has no report. Choose the file that was written with it.</source>
      <translation>Sie hat keinen Bericht. Wählen Sie die Datei, die mit ihr geschrieben wurde.</translation>
    </message>
    <message>
      <source>It is the one that is being corrected.</source>
      <translation>Sie wird gerade korrigiert.</translation>
    </message>
    <message>
      <source>It was made with a library. Open that one first.</source>
      <translation>Sie wurde mit einer Bibliothek gemacht. Öffnen Sie zuerst diese.</translation>
    </message>
    <message>
      <source>Its volume is not in the scene. Load it, show it in the slice views, and try again.</source>
      <translation>Ihr Volumen ist nicht in der Szene. Laden Sie es, zeigen Sie es in den Schichtansichten, und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
      <source>None of the segments of its report is in it. Choose the report that belongs to it.</source>
      <translation>Keines der Segmente des Berichts ist in ihr. Wählen Sie den Bericht, der zu ihr gehört.</translation>
    </message>
    <message>
      <source>The result is of a volume of another size than '{volume}'. Choose the one that it was made from.</source>
      <translation>Das Ergebnis gehört zu einem Volumen anderer Größe als „{volume}“. Wählen Sie das, aus dem es entstand.</translation>
    </message>
  </context>
  <context>
    <name>desk.teaching</name>
    <message>
      <source>Adding the case...</source>
      <translation>Der Fall wird hinzugefügt...</translation>
    </message>
    <message>
      <source>Choose a new or empty folder for the support library</source>
      <translation>Einen neuen oder leeren Ordner für die Beispielbibliothek wählen</translation>
    </message>
    <message>
      <source>Kept. {name} is in the library: the next volume has one more example.</source>
      <translation>Behalten. {name} ist in der Bibliothek: Das nächste Volumen hat ein Beispiel mehr.</translation>
    </message>
    <message>
      <source>Nothing was found in this volume, so there is nothing to teach.</source>
      <translation>In diesem Volumen wurde nichts gefunden; es gibt nichts zu lehren.</translation>
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation>RetrievalSAM</translation>
    </message>
    <message>
      <source>Some names look like patient data: {names}. Add them to the library all the same?</source>
      <translation>Einige Namen sehen nach Patientendaten aus: {names}. Trotzdem in die Bibliothek aufnehmen?</translation>
    </message>
    <message>
      <source>Stopped; the case was not added.</source>
      <translation>Angehalten; der Fall wurde nicht hinzugefügt.</translation>
    </message>
  </context>
  <context>
    <name>panels.add_case_panel</name>
    <message>
      <source>Add the volume and the checked segments to the library</source>
      <translation>Das Volumen und die angekreuzten Segmente der Bibliothek hinzufügen</translation>
    </message>
    <message>
      <source>Adding the case...</source>
      <translation>Der Fall wird hinzugefügt...</translation>
    </message>
    <message>
      <source>All slices</source>
      <translation>Alle Schichten</translation>
    </message>
    <message>
      <source>Check at least one segment; the segmentation may be empty.</source>
      <translation>Kreuzen Sie mindestens ein Segment an; die Segmentierung ist vielleicht leer.</translation>
    </message>
    <message>
      <source>Choose a volume.</source>
      <translation>Wählen Sie ein Volumen.</translation>
    </message>
    <message>
      <source>Choose the segmentation that was drawn on the volume.</source>
      <translation>Wählen Sie die Segmentierung, die auf das Volumen gezeichnet wurde.</translation>
    </message>
    <message>
      <source>Only the axial slices that I drew</source>
      <translation>Nur die axialen Schichten, die ich gezeichnet habe</translation>
    </message>
    <message>
      <source>Only the coronal slices that I drew</source>
      <translation>Nur die koronalen Schichten, die ich gezeichnet habe</translation>
    </message>
    <message>
      <source>Only the sagittal slices that I drew</source>
      <translation>Nur die sagittalen Schichten, die ich gezeichnet habe</translation>
    </message>
    <message>
      <source>Only the slices that I drew</source>
      <translation>Nur die Schichten, die ich gezeichnet habe</translation>
    </message>
    <message>
      <source>Open or create a library first.</source>
      <translation>Öffnen Sie zuerst eine Bibliothek, oder legen Sie eine an.</translation>
    </message>
    <message>
      <source>Stopped; the case was not added.</source>
      <translation>Angehalten; der Fall wurde nicht hinzugefügt.</translation>
    </message>
    <message>
      <source>{name} is in the library.</source>
      <translation>{name} ist in der Bibliothek.</translation>
    </message>
  </context>
  <context>
    <name>panels.confidence_plot</name>
    <message>
      <source>Confidence along the slices</source>
      <translation>Konfidenz entlang der Schichten</translation>
    </message>
  </context>
  <context>
    <name>panels.library_panel</name>
    <message>
      <source>; {damaged} damaged and left out, see Verify</source>
      <translation>; {damaged} beschädigt und ausgelassen, siehe Nachprüfen</translation>
    </message>
    <message>
      <source>&lt;b&gt;{name}&lt;/b&gt;, {cases}</source>
      <translation>&lt;b&gt;{name}&lt;/b&gt;, {cases}</translation>
    </message>
    <message>
      <source>Added</source>
      <translation>Hinzugefügt</translation>
    </message>
    <message>
      <source>Added: {cases}.</source>
      <translation>Hinzugefügt: {cases}.</translation>
    </message>
    <message>
      <source>Case</source>
      <translation>Fall</translation>
    </message>
    <message>
      <source>Checking every file...</source>
      <translation>Jede Datei wird geprüft...</translation>
    </message>
    <message>
      <source>Choose a case in the table.</source>
      <translation>Wählen Sie einen Fall in der Tabelle.</translation>
    </message>
    <message>
      <source>Choose a folder with images and segmentations</source>
      <translation>Einen Ordner mit Bildern und Segmentierungen wählen</translation>
    </message>
    <message>
      <source>Choose a new or empty folder for the support library</source>
      <translation>Einen neuen oder leeren Ordner für die Beispielbibliothek wählen</translation>
    </message>
    <message>
      <source>Damaged in this library: {files}. Nothing was changed so far. Where there is a backup, choose No and put them back from it.

Put the library in order without one? Damaged cases are moved to its folder 'quarantine'; where one has an earlier version that is whole, that stays. Nothing is deleted.</source>
      <translation>In dieser Bibliothek beschädigt: {files}. Bisher wurde nichts verändert. Wo es eine Sicherung gibt, wählen Sie Nein und stellen Sie die Dateien daraus wieder her.

Die Bibliothek ohne Sicherung in Ordnung bringen? Beschädigte Fälle kommen in ihren Ordner 'quarantine'; wo einer eine frühere heile Fassung hat, bleibt diese. Nichts wird gelöscht.</translation>
    </message>
    <message>
      <source>Damaged: {files}.</source>
      <translation>Beschädigt: {files}.</translation>
    </message>
    <message>
      <source>Every file is as it was written.</source>
      <translation>Jede Datei ist so, wie sie geschrieben wurde.</translation>
    </message>
    <message>
      <source>Export the library as one file</source>
      <translation>Die Bibliothek als eine Datei exportieren</translation>
    </message>
    <message>
      <source>Exporting...</source>
      <translation>Wird exportiert...</translation>
    </message>
    <message>
      <source>Fit the settings to this library</source>
      <translation>Einstellungen an diese Bibliothek anpassen</translation>
    </message>
    <message>
      <source>Import a library</source>
      <translation>Eine Bibliothek importieren</translation>
    </message>
    <message>
      <source>Importing...</source>
      <translation>Wird importiert...</translation>
    </message>
    <message>
      <source>Learn from this library</source>
      <translation>Aus dieser Bibliothek lernen</translation>
    </message>
    <message>
      <source>Loading the case...</source>
      <translation>Der Fall wird geladen...</translation>
    </message>
    <message>
      <source>No case was removed.</source>
      <translation>Kein Fall wurde entfernt.</translation>
    </message>
    <message>
      <source>No library is open.</source>
      <translation>Keine Bibliothek ist geöffnet.</translation>
    </message>
    <message>
      <source>Open a support library</source>
      <translation>Eine Beispielbibliothek öffnen</translation>
    </message>
    <message>
      <source>Open or create a library first.</source>
      <translation>Öffnen Sie zuerst eine Bibliothek, oder legen Sie eine an.</translation>
    </message>
    <message>
      <source>Putting the library in order...</source>
      <translation>Die Bibliothek wird in Ordnung gebracht...</translation>
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation>RetrievalSAM</translation>
    </message>
    <message>
      <source>Segments</source>
      <translation>Segmente</translation>
    </message>
    <message>
      <source>Some names look like patient data: {names}. Export them all the same?</source>
      <translation>Einige Namen sehen nach Patientendaten aus: {names}. Trotzdem exportieren?</translation>
    </message>
    <message>
      <source>Stop fitting the settings</source>
      <translation>Anpassen der Einstellungen anhalten</translation>
    </message>
    <message>
      <source>Stop learning</source>
      <translation>Lernen anhalten</translation>
    </message>
    <message>
      <source>The library has no case yet.</source>
      <translation>Die Bibliothek hat noch keinen Fall.</translation>
    </message>
    <message>
      <source>The library is in order again.</source>
      <translation>Die Bibliothek ist wieder in Ordnung.</translation>
    </message>
    <message>
      <source>The library is in order again. What was done is in the details.</source>
      <translation>Die Bibliothek ist wieder in Ordnung. Was getan wurde, steht in den Einzelheiten.</translation>
    </message>
    <message>
      <source>Written to {file}: {cases}.</source>
      <translation>Nach {file} geschrieben: {cases}.</translation>
    </message>
    <message>
      <source>version {n}</source>
      <translation>Fassung {n}</translation>
    </message>
    <message>
      <source>{name} is back.</source>
      <translation>{name} ist wieder da.</translation>
    </message>
    <message>
      <source>{name} is in the library's trash. Undo remove brings it back.</source>
      <translation>{name} ist im Papierkorb der Bibliothek. Zurückholen bringt ihn wieder.</translation>
    </message>
    <message>
      <source>{name} is in the scene.</source>
      <translation>{name} ist in der Szene.</translation>
    </message>
    <message>
      <source>{n} slices</source>
      <translation>{n} Schichten</translation>
    </message>
  </context>
  <context>
    <name>panels.module_panel</name>
    <message>
      <source>Review: {text}</source>
      <translation>Prüfung: {text}</translation>
    </message>
  </context>
  <context>
    <name>panels.panel</name>
    <message>
      <source>RetrievalSAM</source>
      <translation>RetrievalSAM</translation>
    </message>
  </context>
  <context>
    <name>panels.results_panel</name>
    <message>
      <source>Choose the report of this result</source>
      <translation>Den Bericht zu diesem Ergebnis wählen</translation>
    </message>
    <message>
      <source>Cleaned of what no example has: {islands}, {holes}.</source>
      <translation>Gesäubert von dem, was kein Beispiel hat: {islands}, {holes}.</translation>
    </message>
    <message>
      <source>Confidence</source>
      <translation>Konfidenz</translation>
    </message>
    <message>
      <source>Filled from the slices that you drew; look at those listed below, correct, fill again.</source>
      <translation>Aus Ihren gezeichneten Schichten gefüllt; sehen Sie die unten genannten an, korrigieren Sie, füllen Sie neu.</translation>
    </message>
    <message>
      <source>Gain</source>
      <translation>Gewinn</translation>
    </message>
    <message>
      <source>Least sure of</source>
      <translation>Am unsichersten bei</translation>
    </message>
    <message>
      <source>Look at this result again, and correct it further</source>
      <translation>Dieses Ergebnis wieder ansehen und weiter korrigieren</translation>
    </message>
    <message>
      <source>Memory ran out on the way, and it was done again with less: look closer than usual.</source>
      <translation>Unterwegs ging der Arbeitsspeicher aus, und es wurde mit weniger wiederholt: sehen Sie genauer hin als sonst.</translation>
    </message>
    <message>
      <source>Move through the volume to see the examples behind each slice.</source>
      <translation>Bewegen Sie sich durch das Volumen, um die Beispiele hinter jeder Schicht zu sehen.</translation>
    </message>
    <message>
      <source>No result waits.</source>
      <translation>Es liegt kein Ergebnis vor.</translation>
    </message>
    <message>
      <source>Nothing was found on slice {index}.</source>
      <translation>Auf Schicht {index} wurde nichts gefunden.</translation>
    </message>
    <message>
      <source>Numbers of {volume}</source>
      <translation>Zahlen zu {volume}</translation>
    </message>
    <message>
      <source>Place</source>
      <translation>Ort</translation>
    </message>
    <message>
      <source>Save the numbers</source>
      <translation>Die Zahlen speichern</translation>
    </message>
    <message>
      <source>Segment</source>
      <translation>Segmentieren</translation>
    </message>
    <message>
      <source>Slice</source>
      <translation>Schicht</translation>
    </message>
    <message>
      <source>Slice {index} was corrected by you.</source>
      <translation>Schicht {index} wurde von Ihnen korrigiert.</translation>
    </message>
    <message>
      <source>Slice {index} was drawn from these cases of the server's library:</source>
      <translation>Schicht {index} wurde nach diesen Fällen der Bibliothek des Servers gezeichnet:</translation>
    </message>
    <message>
      <source>Slice {index} was drawn from these; double-click to load a case:</source>
      <translation>Schicht {index} wurde nach diesen gezeichnet; ein Doppelklick lädt einen Fall:</translation>
    </message>
    <message>
      <source>The run took {time}. For research use only.</source>
      <translation>Die Berechnung dauerte {time}. Nur für die Forschung.</translation>
    </message>
    <message>
      <source>Volume (ml)</source>
      <translation>Volumen (ml)</translation>
    </message>
    <message>
      <source>What the library has learned from {cases} has a part in this result.</source>
      <translation>In dieses Ergebnis ist eingegangen, was die Bibliothek gelernt hat ({cases}).</translation>
    </message>
    <message>
      <source>not found</source>
      <translation>nicht gefunden</translation>
    </message>
    <message>
      <source>{segment}: {islands}, {holes}</source>
      <translation>{segment}: {islands}, {holes}</translation>
    </message>
  </context>
  <context>
    <name>panels.segment_panel</name>
    <message>
      <source>'{name}' holds a result that is neither kept nor discarded, and the run would write over it. Segment anew?</source>
      <translation>„{name}“ enthält ein Ergebnis, das weder behalten noch verworfen ist, und der Lauf würde es überschreiben. Neu segmentieren?</translation>
    </message>
    <message>
      <source>A run goes on.</source>
      <translation>Ein Lauf ist im Gange.</translation>
    </message>
    <message>
      <source>Apple graphics (MPS)</source>
      <translation>Apple-Grafik (MPS)</translation>
    </message>
    <message>
      <source>As acquired (recommended)</source>
      <translation>Wie aufgenommen (empfohlen)</translation>
    </message>
    <message>
      <source>As published: FATE-SAM</source>
      <translation>Wie veröffentlicht: FATE-SAM</translation>
    </message>
    <message>
      <source>As published: Zhao et al. 2024</source>
      <translation>Wie veröffentlicht: Zhao et al. 2024</translation>
    </message>
    <message>
      <source>Automatic</source>
      <translation>Automatisch</translation>
    </message>
    <message>
      <source>Axial</source>
      <translation>Axial</translation>
    </message>
    <message>
      <source>Balanced</source>
      <translation>Ausgewogen</translation>
    </message>
    <message>
      <source>Bundled (small, fast)</source>
      <translation>Mitgeliefert (klein, schnell)</translation>
    </message>
    <message>
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <source>Check at least one segment.</source>
      <translation>Kreuzen Sie mindestens ein Segment an.</translation>
    </message>
    <message>
      <source>Choose a volume.</source>
      <translation>Wählen Sie ein Volumen.</translation>
    </message>
    <message>
      <source>Coronal</source>
      <translation>Koronal</translation>
    </message>
    <message>
      <source>Done, but this volume is unlike anything in this library. Look at every slice below.</source>
      <translation>Fertig, aber dieses Volumen gleicht nichts in dieser Bibliothek. Sehen Sie unten jede Schicht an.</translation>
    </message>
    <message>
      <source>Done. Look at the result below, then keep or discard it.</source>
      <translation>Fertig. Sehen Sie das Ergebnis unten an, dann behalten oder verwerfen Sie es.</translation>
    </message>
    <message>
      <source>Fast (fewer examples)</source>
      <translation>Schnell (weniger Beispiele)</translation>
    </message>
    <message>
      <source>Find the segments of the library</source>
      <translation>Die Segmente der Bibliothek suchen</translation>
    </message>
    <message>
      <source>NVIDIA graphics card (CUDA)</source>
      <translation>NVIDIA-Grafikkarte (CUDA)</translation>
    </message>
    <message>
      <source>Open or create a support library first.</source>
      <translation>Öffnen Sie zuerst eine Beispielbibliothek, oder legen Sie eine an.</translation>
    </message>
    <message>
      <source>Processor (CPU)</source>
      <translation>Prozessor (CPU)</translation>
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation>RetrievalSAM</translation>
    </message>
    <message>
      <source>Sagittal</source>
      <translation>Sagittal</translation>
    </message>
    <message>
      <source>Segment</source>
      <translation>Segmentieren</translation>
    </message>
    <message>
      <source>Several volumes are segmented by this computer: choose it under Set-up.</source>
      <translation>Mehrere Volumen segmentiert dieser Computer: wählen Sie ihn unter Einrichtung.</translation>
    </message>
    <message>
      <source>Starting...</source>
      <translation>Beginnt...</translation>
    </message>
    <message>
      <source>Stop; the scene is put back</source>
      <translation>Anhalten; die Szene wird wiederhergestellt</translation>
    </message>
    <message>
      <source>Stopping...</source>
      <translation>Wird angehalten...</translation>
    </message>
    <message>
      <source>Takes about {time} and {memory} of memory.</source>
      <translation>Dauert etwa {time} und braucht {memory} Arbeitsspeicher.</translation>
    </message>
    <message>
      <source>Takes roughly {time} and {memory} of memory.</source>
      <translation>Dauert ungefähr {time} und braucht ungefähr {memory} Arbeitsspeicher.</translation>
    </message>
    <message>
      <source>The library has no case yet. Add an annotated volume first.</source>
      <translation>Die Bibliothek hat noch keinen Fall. Fügen Sie zuerst ein annotiertes Volumen hinzu.</translation>
    </message>
    <message>
      <source>The run failed; the scene is as it was before.</source>
      <translation>Die Berechnung ist fehlgeschlagen; die Szene ist, wie sie vorher war.</translation>
    </message>
    <message>
      <source>The server computes. Only voxels and grid of the volume are sent.</source>
      <translation>Der Server rechnet. Nur Voxel und Gitter des Volumens werden gesendet.</translation>
    </message>
    <message>
      <source>The volume has no voxels.</source>
      <translation>Das Volumen hat keine Voxel.</translation>
    </message>
    <message>
      <source>Thorough (more examples)</source>
      <translation>Gründlich (mehr Beispiele)</translation>
    </message>
    <message>
      <source>Under Set-up, connect to the server and choose one of its libraries.</source>
      <translation>Verbinden Sie sich unter Einrichtung mit dem Server und wählen Sie eine seiner Bibliotheken.</translation>
    </message>
    <message>
      <source>Where the network runs</source>
      <translation>Wo das Netz rechnet</translation>
    </message>
  </context>
  <context>
    <name>panels.server_panel</name>
    <message>
      <source>Asking the server...</source>
      <translation>Der Server wird gefragt...</translation>
    </message>
    <message>
      <source>Certificates (*.pem *.crt)</source>
      <translation>Zertifikate (*.pem *.crt)</translation>
    </message>
    <message>
      <source>Choose the certificate of your authority</source>
      <translation>Das Zertifikat Ihrer Zertifizierungsstelle wählen</translation>
    </message>
    <message>
      <source>It is ready</source>
      <translation>Er ist bereit</translation>
    </message>
    <message>
      <source>It is starting</source>
      <translation>Er startet gerade</translation>
    </message>
    <message>
      <source>RetrievalSAM {version} answers. {state}; runs in its queue: {queue}; libraries: {count}.</source>
      <translation>RetrievalSAM {version} antwortet. {state}; Berechnungen in seiner Warteschlange: {queue}; Bibliotheken: {count}.</translation>
    </message>
    <message>
      <source>server</source>
      <translation>Server</translation>
    </message>
    <message>
      <source>this computer</source>
      <translation>dieser Computer</translation>
    </message>
    <message>
      <source>{name} ({cases} cases)</source>
      <translation>{name} ({cases} Fälle)</translation>
    </message>
  </context>
  <context>
    <name>panels.setup_panel</name>
    <message>
      <source>Bundled model</source>
      <translation>Mitgeliefertes Modell</translation>
    </message>
    <message>
      <source>Checking and copying...</source>
      <translation>Wird geprüft und kopiert...</translation>
    </message>
    <message>
      <source>Choose the folder with the official weight files</source>
      <translation>Den Ordner mit den offiziellen Gewichtsdateien wählen</translation>
    </message>
    <message>
      <source>Choose the folder with the wheels</source>
      <translation>Den Ordner mit den Wheels wählen</translation>
    </message>
    <message>
      <source>Delete the weights of {name} ({size}) from this computer?</source>
      <translation>Die Gewichte von {name} ({size}) von diesem Computer löschen?</translation>
    </message>
    <message>
      <source>Disk</source>
      <translation>Platte</translation>
    </message>
    <message>
      <source>Download</source>
      <translation>Herunterladen</translation>
    </message>
    <message>
      <source>Download {name} ({size})? Only the file that the authors published is accepted.</source>
      <translation>{name} ({size}) herunterladen? Nur die von den Autoren veröffentlichte Datei wird angenommen.</translation>
    </message>
    <message>
      <source>Downloading {name}...</source>
      <translation>{name} wird heruntergeladen...</translation>
    </message>
    <message>
      <source>Downloading {name}: {done} of {total}</source>
      <translation>{name} wird heruntergeladen: {done} von {total}</translation>
    </message>
    <message>
      <source>From folder...</source>
      <translation>Aus Ordner...</translation>
    </message>
    <message>
      <source>Here</source>
      <translation>Hier</translation>
    </message>
    <message>
      <source>Install</source>
      <translation>Installieren</translation>
    </message>
    <message>
      <source>Install these Python packages into Slicer from {source}?
{names}</source>
      <translation>Diese Python-Pakete aus {source} in Slicer installieren?
{names}</translation>
    </message>
    <message>
      <source>Looking at this computer...</source>
      <translation>Dieser Computer wird angesehen...</translation>
    </message>
    <message>
      <source>Memory</source>
      <translation>Arbeitsspeicher</translation>
    </message>
    <message>
      <source>Python packages</source>
      <translation>Python-Pakete</translation>
    </message>
    <message>
      <source>Ready. The bundled model needs no download; the others are optional. Runs on {device}: {reason}</source>
      <translation>Bereit. Das mitgelieferte Modell braucht keinen Download; die anderen sind freiwillig. Läuft auf {device}: {reason}</translation>
    </message>
    <message>
      <source>Remove</source>
      <translation>Entfernen</translation>
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation>RetrievalSAM</translation>
    </message>
    <message>
      <source>Something is missing; each line has its button. Nothing is installed without your click.</source>
      <translation>Etwas fehlt; jede Zeile hat ihren Knopf. Ohne Ihren Klick wird nichts installiert.</translation>
    </message>
    <message>
      <source>These are there in another version, are replaced, and other modules of Slicer use the new version then as well: {names}</source>
      <translation>Diese gibt es schon in einer anderen Version; sie werden ersetzt, und andere Module von Slicer benutzen dann auch die neue Version: {names}</translation>
    </message>
    <message>
      <source>What</source>
      <translation>Was</translation>
    </message>
    <message>
      <source>Worker process: {state}.</source>
      <translation>Rechenprozess: {state}.</translation>
    </message>
    <message>
      <source>close other programs before a large volume</source>
      <translation>vor einem großen Volumen andere Programme schließen</translation>
    </message>
    <message>
      <source>comes with the extension</source>
      <translation>kommt mit der Erweiterung</translation>
    </message>
    <message>
      <source>complete</source>
      <translation>vollständig</translation>
    </message>
    <message>
      <source>damaged, download it again; {text}</source>
      <translation>beschädigt, bitte erneut herunterladen; {text}</translation>
    </message>
    <message>
      <source>has ended unexpectedly; press Restart the worker</source>
      <translation>ist unerwartet zu Ende gegangen; drücken Sie Rechenprozess neu starten</translation>
    </message>
    <message>
      <source>here; {text}</source>
      <translation>vorhanden; {text}</translation>
    </message>
    <message>
      <source>missing</source>
      <translation>fehlt</translation>
    </message>
    <message>
      <source>missing: {names}</source>
      <translation>es fehlen: {names}</translation>
    </message>
    <message>
      <source>not here; {text}</source>
      <translation>nicht vorhanden; {text}</translation>
    </message>
    <message>
      <source>not running; it starts when it is needed</source>
      <translation>läuft nicht; er startet, wenn er gebraucht wird</translation>
    </message>
    <message>
      <source>running</source>
      <translation>läuft</translation>
    </message>
    <message>
      <source>starting</source>
      <translation>startet</translation>
    </message>
    <message>
      <source>the internet</source>
      <translation>dem Internet</translation>
    </message>
    <message>
      <source>too little for most weights</source>
      <translation>zu wenig für die meisten Gewichte</translation>
    </message>
    <message>
      <source>unknown</source>
      <translation>unbekannt</translation>
    </message>
    <message>
      <source>{free} free</source>
      <translation>{free} frei</translation>
    </message>
    <message>
      <source>{reason} Install PyTorch again with Slicer's PyTorch extension.</source>
      <translation>{reason} Installieren Sie PyTorch mit Slicers Erweiterung PyTorch neu.</translation>
    </message>
    <message>
      <source>{size}, {licence}</source>
      <translation>{size}, {licence}</translation>
    </message>
    <message>
      <source>{text}; {advice}</source>
      <translation>{text}; {advice}</translation>
    </message>
  </context>
  <context>
    <name>panels.start_panel</name>
    <message>
      <source>Made-up volumes: nothing is downloaded, nobody was scanned</source>
      <translation>Erdachte Volumen: Nichts wird heruntergeladen, niemand wurde untersucht</translation>
    </message>
    <message>
      <source>The example is being made.</source>
      <translation>Das Beispiel wird gerade gemacht.</translation>
    </message>
  </context>
  <context>
    <name>panels.supports_table</name>
    <message>
      <source>Attention</source>
      <translation>Aufmerksamkeit</translation>
    </message>
    <message>
      <source>Example</source>
      <translation>Beispiel</translation>
    </message>
    <message>
      <source>Similarity</source>
      <translation>Ähnlichkeit</translation>
    </message>
    <message>
      <source>slice {slice}</source>
      <translation>Schicht {slice}</translation>
    </message>
    <message>
      <source>this volume</source>
      <translation>dieses Volumen</translation>
    </message>
    <message>
      <source>{about}
A slice that you corrected; double-click to go there</source>
      <translation>{about}
Eine Schicht, die Sie korrigiert haben; ein Doppelklick führt dorthin</translation>
    </message>
    <message>
      <source>{case}, slice {slice}</source>
      <translation>{case}, Schicht {slice}</translation>
    </message>
    <message>
      <source>{text}
for {segments}</source>
      <translation>{text}
für {segments}</translation>
    </message>
  </context>
  <context>
    <name>panels.verdict_line</name>
    <message>
      <source>No case of the library could be aligned with this volume, so that their places say nothing of it: look at every slice.</source>
      <translation>Kein Fall der Bibliothek ließ sich mit diesem Volumen zur Deckung bringen, sodass ihre Orte nichts über es sagen: sehen Sie jede Schicht an.</translation>
    </message>
    <message>
      <source>This volume is unlike anything in this library; do not trust this mask without looking at every slice.</source>
      <translation>Dieses Volumen gleicht nichts in dieser Bibliothek; vertrauen Sie dieser Maske nicht, ohne jede Schicht anzusehen.</translation>
    </message>
    <message>
      <source>This volume looks like those of the library.</source>
      <translation>Dieses Volumen sieht aus wie die der Bibliothek.</translation>
    </message>
    <message>
      <source>Whether this volume is like those of the library cannot be told; look closely, above all at the slices listed below.</source>
      <translation>Ob dieses Volumen denen der Bibliothek gleicht, lässt sich nicht sagen; sehen Sie genau hin, vor allem auf die unten genannten Schichten.</translation>
    </message>
  </context>
  <context>
    <name>runs.batching</name>
    <message>
      <source>'{name}' is no more in the scene.</source>
      <translation>'{name}' ist nicht mehr in der Szene.</translation>
    </message>
    <message>
      <source>Kept: this file was there already</source>
      <translation>Behalten: diese Datei war schon da</translation>
    </message>
    <message>
      <source>Starting...</source>
      <translation>Beginnt...</translation>
    </message>
    <message>
      <source>Stopping...</source>
      <translation>Wird angehalten...</translation>
    </message>
    <message>
      <source>The volume could not be loaded.</source>
      <translation>Das Volumen konnte nicht geladen werden.</translation>
    </message>
    <message>
      <source>Waits for the run that goes on.</source>
      <translation>Wartet auf die laufende Berechnung.</translation>
    </message>
  </context>
  <context>
    <name>runs.correcting</name>
    <message>
      <source>Correct a slice with the Segment Editor, or place points or a box.</source>
      <translation>Korrigieren Sie eine Schicht mit dem Segment Editor, oder setzen Sie Punkte oder einen Kasten.</translation>
    </message>
    <message>
      <source>Draw the structure on one to three slices, or place points in it.</source>
      <translation>Zeichnen Sie die Struktur auf ein bis drei Schichten, oder setzen Sie Punkte hinein.</translation>
    </message>
    <message>
      <source>The published method FATE-SAM knows no corrections. Segment with another choice of speed.</source>
      <translation>Das veröffentlichte Verfahren FATE-SAM kennt keine Korrekturen. Segmentieren Sie mit einem anderen Tempo.</translation>
    </message>
    <message>
      <source>There are points or a box on slice {slices}, which counts as corrected, and corrected slices are never changed. Delete them there, or take the slice out of the corrected ones.</source>
      <translation>Auf Schicht {slices} sind Punkte oder ein Kasten; sie gilt als korrigiert, und korrigierte Schichten werden nie verändert. Löschen Sie sie dort, oder nehmen Sie die Schicht aus den korrigierten heraus.</translation>
    </message>
    <message>
      <source>There is no result to correct.</source>
      <translation>Es gibt kein Ergebnis, das zu korrigieren wäre.</translation>
    </message>
  </context>
  <context>
    <name>runs.decided</name>
    <message>
      <source>A decision of this batch cannot be read: {fault}</source>
      <translation>Eine Entscheidung zu diesem Stapel ist nicht lesbar: {fault}</translation>
    </message>
    <message>
      <source>A file of this batch cannot be read ({error}).</source>
      <translation>Eine Datei dieses Stapels ist nicht lesbar ({error}).</translation>
    </message>
    <message>
      <source>Accepted</source>
      <translation>Angenommen</translation>
    </message>
    <message>
      <source>Disputed</source>
      <translation>Strittig</translation>
    </message>
    <message>
      <source>Rejected</source>
      <translation>Abgelehnt</translation>
    </message>
    <message>
      <source>There is no result of a batch in this folder.</source>
      <translation>In diesem Ordner ist kein Ergebnis eines Stapels.</translation>
    </message>
  </context>
  <context>
    <name>runs.learning</name>
    <message>
      <source>Fitting failed. The settings are as they were; the next time continues where it stopped.</source>
      <translation>Das Anpassen ist fehlgeschlagen. Die Einstellungen sind, wie sie waren; das nächste Mal geht es dort weiter.</translation>
    </message>
    <message>
      <source>Fitting the settings needs cases of at least three patients.</source>
      <translation>Die Einstellungen anzupassen, braucht Fälle von mindestens drei Patienten.</translation>
    </message>
    <message>
      <source>Learning failed. The library is as it was; the next time continues where it stopped.</source>
      <translation>Das Lernen ist fehlgeschlagen. Die Bibliothek ist, wie sie war; das nächste Mal geht es dort weiter.</translation>
    </message>
    <message>
      <source>Learning needs at least two cases.</source>
      <translation>Zum Lernen sind mindestens zwei Fälle nötig.</translation>
    </message>
    <message>
      <source>Stopped. Fitting continues where it stopped the next time.</source>
      <translation>Angehalten. Beim nächsten Mal geht das Anpassen dort weiter.</translation>
    </message>
    <message>
      <source>Stopped. Learning continues where it stopped the next time.</source>
      <translation>Angehalten. Beim nächsten Mal geht das Lernen dort weiter.</translation>
    </message>
    <message>
      <source>The library has changed: fitting goes on with the cases as they are now.</source>
      <translation>Die Bibliothek hat sich geändert: Das Anpassen geht mit den Fällen weiter, wie sie jetzt sind.</translation>
    </message>
    <message>
      <source>The library has changed: learning goes on with the cases as they are now.</source>
      <translation>Die Bibliothek hat sich geändert: Das Lernen geht mit den jetzigen Fällen weiter.</translation>
    </message>
  </context>
  <context>
    <name>runs.library_work</name>
    <message>
      <source>Open or create a library first.</source>
      <translation>Öffnen Sie zuerst eine Bibliothek, oder legen Sie eine an.</translation>
    </message>
    <message>
      <source>Starting...</source>
      <translation>Beginnt...</translation>
    </message>
    <message>
      <source>Stopping...</source>
      <translation>Wird angehalten...</translation>
    </message>
    <message>
      <source>Waits for other work; continues where it stopped.</source>
      <translation>Wartet auf andere Arbeit; geht dort weiter, wo sie aufhörte.</translation>
    </message>
  </context>
  <context>
    <name>runs.reviewing</name>
    <message>
      <source>A review compares every case with the others: add at least two cases.</source>
      <translation>Eine Prüfung vergleicht jeden Fall mit den anderen: fügen Sie mindestens zwei Fälle hinzu.</translation>
    </message>
    <message>
      <source>Stopped. The next review continues where it stopped.</source>
      <translation>Angehalten. Die nächste Prüfung geht dort weiter, wo sie aufhörte.</translation>
    </message>
    <message>
      <source>The library has changed: the review begins anew.</source>
      <translation>Die Bibliothek hat sich geändert: die Prüfung beginnt von vorn.</translation>
    </message>
    <message>
      <source>The review failed. The next one continues where it stopped.</source>
      <translation>Die Prüfung ist fehlgeschlagen. Die nächste geht dort weiter, wo sie aufhörte.</translation>
    </message>
  </context>
  <context>
    <name>runs.segmenting</name>
    <message>
      <source>'{name}' has no voxels. Choose another volume.</source>
      <translation>'{name}' hat keine Voxel. Wählen Sie ein anderes Volumen.</translation>
    </message>
    <message>
      <source>Stopped, since the scene was closed.</source>
      <translation>Angehalten, da die Szene geschlossen wurde.</translation>
    </message>
    <message>
      <source>Stopped, since the segmentation was deleted.</source>
      <translation>Angehalten, da die Segmentierung gelöscht wurde.</translation>
    </message>
    <message>
      <source>Stopped, since the volume was deleted.</source>
      <translation>Angehalten, da das Volumen gelöscht wurde.</translation>
    </message>
    <message>
      <source>Stopped. The scene is as it was before.</source>
      <translation>Angehalten. Die Szene ist, wie sie vorher war.</translation>
    </message>
  </context>
  <context>
    <name>runs.suggesting</name>
    <message>
      <source>'{name}' is no more in the scene.</source>
      <translation>'{name}' ist nicht mehr in der Szene.</translation>
    </message>
    <message>
      <source>Slicer's temporary folder cannot be written ({error}). Free some space and try again.</source>
      <translation>Slicers temporärer Ordner ist nicht beschreibbar ({error}). Schaffen Sie Platz und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
      <source>Starting...</source>
      <translation>Beginnt...</translation>
    </message>
    <message>
      <source>Stopped.</source>
      <translation>Angehalten.</translation>
    </message>
    <message>
      <source>Stopping...</source>
      <translation>Wird angehalten...</translation>
    </message>
    <message>
      <source>The volumes could not be ranked.</source>
      <translation>Die Volumen konnten nicht geordnet werden.</translation>
    </message>
    <message>
      <source>Waits for the run that goes on.</source>
      <translation>Wartet auf die laufende Berechnung.</translation>
    </message>
    <message>
      <source>{stage}: {done} of {total}</source>
      <translation>{stage}: {done} von {total}</translation>
    </message>
  </context>
  <context>
    <name>runs.trying</name>
    <message>
      <source>Example</source>
      <translation>Beispiel</translation>
    </message>
    <message>
      <source>Making the example...</source>
      <translation>Das Beispiel wird gemacht ...</translation>
    </message>
    <message>
      <source>Making the library of the example...</source>
      <translation>Die Bibliothek des Beispiels wird angelegt ...</translation>
    </message>
    <message>
      <source>Stopped.</source>
      <translation>Angehalten.</translation>
    </message>
    <message>
      <source>The example could not be loaded.</source>
      <translation>Das Beispiel konnte nicht geladen werden.</translation>
    </message>
  </context>
  <context>
    <name>scene.case_loading</name>
    <message>
      <source>Segments of {volume}</source>
      <translation>Segmente von {volume}</translation>
    </message>
    <message>
      <source>The case could not be loaded.</source>
      <translation>Der Fall konnte nicht geladen werden.</translation>
    </message>
  </context>
  <context>
    <name>scene.drawing</name>
    <message>
      <source>Drawn on {volume}</source>
      <translation>Gezeichnet auf {volume}</translation>
    </message>
  </context>
  <context>
    <name>scene.image_file</name>
    <message>
      <source>The volume was deleted.</source>
      <translation>Das Volumen wurde gelöscht.</translation>
    </message>
  </context>
  <context>
    <name>scene.prompts</name>
    <message>
      <source>Box of {segment}</source>
      <translation>Kasten von {segment}</translation>
    </message>
    <message>
      <source>Inside {segment}</source>
      <translation>In {segment}</translation>
    </message>
    <message>
      <source>Outside {segment}</source>
      <translation>Außerhalb von {segment}</translation>
    </message>
    <message>
      <source>Stroke inside {segment}</source>
      <translation>Strich in {segment}</translation>
    </message>
    <message>
      <source>Stroke outside {segment}</source>
      <translation>Strich außerhalb von {segment}</translation>
    </message>
    <message>
      <source>The box '{box}' has no size. Draw it larger, or delete it.</source>
      <translation>Der Kasten '{box}' hat keine Größe. Ziehen Sie ihn größer, oder löschen Sie ihn.</translation>
    </message>
    <message>
      <source>The box '{box}' lies outside the volume '{volume}'. Move it into the volume, or delete it.</source>
      <translation>Der Kasten '{box}' liegt außerhalb des Volumens '{volume}'. Ziehen Sie ihn ins Volumen, oder löschen Sie ihn.</translation>
    </message>
    <message>
      <source>The point '{point}' lies outside the volume '{volume}'. Move it into the volume, or delete it.</source>
      <translation>Der Punkt '{point}' liegt außerhalb des Volumens '{volume}'. Ziehen Sie ihn ins Volumen, oder löschen Sie ihn.</translation>
    </message>
  </context>
  <context>
    <name>scene.segmentation_files</name>
    <message>
      <source>Nothing of '{segmentation}' lies within '{volume}'. Choose the segmentation that was drawn on this volume, with at least one segment that is not empty.</source>
      <translation>Nichts von '{segmentation}' liegt in '{volume}'. Wählen Sie die Segmentierung, die auf dieses Volumen gezeichnet wurde, mit mindestens einem Segment, das nicht leer ist.</translation>
    </message>
    <message>
      <source>Segments of {volume}</source>
      <translation>Segmente von {volume}</translation>
    </message>
  </context>
  <context>
    <name>scene.segments_in_file</name>
    <message>
      <source>The result '{file}' could not be read. Press Segment again.</source>
      <translation>Das Ergebnis '{file}' konnte nicht gelesen werden. Drücken Sie noch einmal Segmentieren.</translation>
    </message>
  </context>
  <context>
    <name>scene.slice_views</name>
    <message>
      <source>{side} {mm} mm</source>
      <translation>{side} {mm} mm</translation>
    </message>
  </context>
  <context>
    <name>scene.tables</name>
    <message>
      <source>'{file}' could not be written; is the disk full? Free some space and try again.</source>
      <translation>'{file}' konnte nicht geschrieben werden; ist die Platte voll? Schaffen Sie Platz und versuchen Sie es noch einmal.</translation>
    </message>
  </context>
  <context>
    <name>scene.volume_files</name>
    <message>
      <source>'{file}' could not be written; is the disk full? Free some space and try again.</source>
      <translation>'{file}' konnte nicht geschrieben werden; ist die Platte voll? Schaffen Sie Platz und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
      <source>'{name}' has no voxels. Choose another volume.</source>
      <translation>'{name}' hat keine Voxel. Wählen Sie ein anderes Volumen.</translation>
    </message>
    <message>
      <source>'{name}' has several values a voxel (a color or vector volume). Choose a scalar volume.</source>
      <translation>'{name}' hat mehrere Werte je Voxel (ein Farb- oder Vektorvolumen). Wählen Sie ein skalares Volumen.</translation>
    </message>
    <message>
      <source>The region '{name}' has no size yet. Draw it, or choose no region.</source>
      <translation>Der Bereich '{name}' hat noch keine Größe. Ziehen Sie ihn auf, oder wählen Sie keinen Bereich.</translation>
    </message>
    <message>
      <source>The region '{region}' lies beside the volume '{volume}'. Move it onto the volume.</source>
      <translation>Der Bereich '{region}' liegt neben dem Volumen '{volume}'. Schieben Sie ihn auf das Volumen.</translation>
    </message>
  </context>
  <context>
    <name>scene.work_folder</name>
    <message>
      <source>Slicer's temporary folder cannot be written ({error}). Free some space and try again.</source>
      <translation>Slicers temporärer Ordner ist nicht beschreibbar ({error}). Schaffen Sie Platz und versuchen Sie es noch einmal.</translation>
    </message>
  </context>
  <context>
    <name>texts.suggest_view</name>
    <message>
      <source>Novelty {n:.2f}</source>
      <translation>Neuheit {n:.2f}</translation>
    </message>
    <message>
      <source>differs from the library as much as its cases differ from each other</source>
      <translation>weicht von der Bibliothek so weit ab wie deren Fälle voneinander</translation>
    </message>
    <message>
      <source>fair confidence when it was segmented</source>
      <translation>mittlere Konfidenz beim Segmentieren</translation>
    </message>
    <message>
      <source>high confidence when it was segmented</source>
      <translation>hohe Konfidenz beim Segmentieren</translation>
    </message>
    <message>
      <source>low confidence when it was segmented</source>
      <translation>niedrige Konfidenz beim Segmentieren</translation>
    </message>
    <message>
      <source>most like the others: a good first one</source>
      <translation>den anderen am ähnlichsten: ein guter erster Fall</translation>
    </message>
    <message>
      <source>much like {case}</source>
      <translation>sehr ähnlich wie {case}</translation>
    </message>
    <message>
      <source>nearest case {case} ({n:.2f})</source>
      <translation>nächster Fall {case} ({n:.2f})</translation>
    </message>
    <message>
      <source>shows nothing new</source>
      <translation>zeigt nichts Neues</translation>
    </message>
    <message>
      <source>uncertainty {n:.2f}</source>
      <translation>Unsicherheit {n:.2f}</translation>
    </message>
    <message>
      <source>unlike all cases of the library</source>
      <translation>anders als alle Fälle der Bibliothek</translation>
    </message>
    <message>
      <source>unlike those above</source>
      <translation>anders als die darüber</translation>
    </message>
  </context>
  <context>
    <name>texts.wording</name>
    <message>
      <source>1 box</source>
      <translation>1 Kasten</translation>
    </message>
    <message>
      <source>1 case</source>
      <translation>1 Fall</translation>
    </message>
    <message>
      <source>1 file</source>
      <translation>1 Datei</translation>
    </message>
    <message>
      <source>1 hole</source>
      <translation>1 Loch</translation>
    </message>
    <message>
      <source>1 loose island</source>
      <translation>1 lose Insel</translation>
    </message>
    <message>
      <source>1 point</source>
      <translation>1 Punkt</translation>
    </message>
    <message>
      <source>1 stroke</source>
      <translation>1 Strich</translation>
    </message>
    <message>
      <source>A file is damaged; the case was left out</source>
      <translation>Eine Datei ist beschädigt; der Fall wurde ausgelassen</translation>
    </message>
    <message>
      <source>A gap between drawn slices</source>
      <translation>Eine Lücke zwischen gezeichneten Schichten</translation>
    </message>
    <message>
      <source>A slice unlike its neighbors</source>
      <translation>Eine Schicht, die ihren Nachbarn nicht gleicht</translation>
    </message>
    <message>
      <source>Aligning cases</source>
      <translation>Fälle werden ausgerichtet</translation>
    </message>
    <message>
      <source>Another color than in most cases</source>
      <translation>Andere Farbe als in den meisten Fällen</translation>
    </message>
    <message>
      <source>Another terminology code than in most cases</source>
      <translation>Anderer Terminologie-Code als in den meisten Fällen</translation>
    </message>
    <message>
      <source>Carrying corrections on</source>
      <translation>Korrekturen werden übertragen</translation>
    </message>
    <message>
      <source>Cases have changed since: fit the settings again.</source>
      <translation>Seitdem haben sich Fälle geändert: Passen Sie die Einstellungen noch einmal an.</translation>
    </message>
    <message>
      <source>Cases have changed since: learn again.</source>
      <translation>Seitdem haben sich Fälle geändert: neu lernen.</translation>
    </message>
    <message>
      <source>Checking the order of slices</source>
      <translation>Reihenfolge der Schichten prüfen</translation>
    </message>
    <message>
      <source>Cleaning</source>
      <translation>Säubern</translation>
    </message>
    <message>
      <source>Comparing slices</source>
      <translation>Schichten werden verglichen</translation>
    </message>
    <message>
      <source>Confidence is fitted to this model from now on.</source>
      <translation>Die Konfidenz ist von jetzt an diesem Modell angepasst.</translation>
    </message>
    <message>
      <source>Empty here, drawn in other cases</source>
      <translation>Hier leer, in anderen Fällen gezeichnet</translation>
    </message>
    <message>
      <source>Fitted to {model} ({preset}) on {cases}: {changes}.</source>
      <translation>An {model} ({preset}) auf {cases} angepasst: {changes}.</translation>
    </message>
    <message>
      <source>Learned from {n} of {cases}</source>
      <translation>Gelernt aus {n} von {cases}</translation>
    </message>
    <message>
      <source>Learning</source>
      <translation>Lernen</translation>
    </message>
    <message>
      <source>Learning from the aligned cases</source>
      <translation>Von den ausgerichteten Fällen wird gelernt</translation>
    </message>
    <message>
      <source>Learning needs at least two cases.</source>
      <translation>Zum Lernen sind mindestens zwei Fälle nötig.</translation>
    </message>
    <message>
      <source>Like the library</source>
      <translation>Wie die Bibliothek</translation>
    </message>
    <message>
      <source>Loading the model</source>
      <translation>Modell wird geladen</translation>
    </message>
    <message>
      <source>Looking at the examples</source>
      <translation>Beispiele werden angesehen</translation>
    </message>
    <message>
      <source>Looking at volumes</source>
      <translation>Volumen werden angesehen</translation>
    </message>
    <message>
      <source>Looking closer</source>
      <translation>Es wird genauer hingesehen</translation>
    </message>
    <message>
      <source>Looks like patient data: {names}. Choose a neutral name.</source>
      <translation>Sieht nach Patientendaten aus: {names}. Wählen Sie einen neutralen Namen.</translation>
    </message>
    <message>
      <source>Measuring a step</source>
      <translation>Ein Schritt wird gemessen</translation>
    </message>
    <message>
      <source>Memory ran out; trying again with less of it</source>
      <translation>Arbeitsspeicher ging aus; neuer Versuch mit weniger davon</translation>
    </message>
    <message>
      <source>Missing here, other cases have it</source>
      <translation>Fehlt hier, andere Fälle haben es</translation>
    </message>
    <message>
      <source>Much larger or smaller than in other cases</source>
      <translation>Viel größer oder kleiner als in anderen Fällen</translation>
    </message>
    <message>
      <source>Named otherwise than in other cases</source>
      <translation>Heißt anders als in anderen Fällen</translation>
    </message>
    <message>
      <source>No other case has it</source>
      <translation>Kein anderer Fall hat es</translation>
    </message>
    <message>
      <source>No other value is better beyond noise: the settings stay as they are (Dice {before:.2f}).</source>
      <translation>Kein anderer Wert ist über das Rauschen hinaus besser: Die Einstellungen bleiben, wie sie sind (Dice {before:.2f}).</translation>
    </message>
    <message>
      <source>Nothing learned yet.</source>
      <translation>Noch nichts gelernt.</translation>
    </message>
    <message>
      <source>On patients left out: Dice {before:.2f} with the usual values, {after:.2f} with those that fit better.</source>
      <translation>An ausgelassenen Patienten: Dice {before:.2f} mit den üblichen Werten, {after:.2f} mit denen, die besser passen.</translation>
    </message>
    <message>
      <source>Other cases fare worse with it</source>
      <translation>Andere Fälle fallen damit schlechter aus</translation>
    </message>
    <message>
      <source>Perhaps unlike the library</source>
      <translation>Vielleicht anders als die Bibliothek</translation>
    </message>
    <message>
      <source>Preparing the cases</source>
      <translation>Fälle werden vorbereitet</translation>
    </message>
    <message>
      <source>Reading the cases</source>
      <translation>Fälle werden gelesen</translation>
    </message>
    <message>
      <source>Reading the library</source>
      <translation>Bibliothek wird gelesen</translation>
    </message>
    <message>
      <source>Reading the volume</source>
      <translation>Volumen wird gelesen</translation>
    </message>
    <message>
      <source>Reviewing cases</source>
      <translation>Fälle werden geprüft</translation>
    </message>
    <message>
      <source>Segmenting</source>
      <translation>Es wird segmentiert</translation>
    </message>
    <message>
      <source>Segmenting every case by the others</source>
      <translation>Jeder Fall wird nach den anderen segmentiert</translation>
    </message>
    <message>
      <source>Segmenting every case by those of other patients</source>
      <translation>Jeder Fall wird nach denen anderer Patienten segmentiert</translation>
    </message>
    <message>
      <source>Segments seem to be swapped</source>
      <translation>Segmente scheinen vertauscht</translation>
    </message>
    <message>
      <source>Settings that were fitted earlier cannot be used: fit them again.</source>
      <translation>Früher angepasste Einstellungen sind nicht verwendbar: Passen Sie sie noch einmal an.</translation>
    </message>
    <message>
      <source>Starting</source>
      <translation>Beginnt</translation>
    </message>
    <message>
      <source>That was to be expected: they were fitted to the bundled model.</source>
      <translation>Das war zu erwarten: Sie wurden dem mitgelieferten Modell angepasst.</translation>
    </message>
    <message>
      <source>The corrected slices have taught a copy of what the library learned ({time}); other slices may have changed by it.</source>
      <translation>Eine Kopie dessen, was die Bibliothek gelernt hat, hat aus den korrigierten Schichten gelernt ({time}); andere Schichten können sich dadurch geändert haben.</translation>
    </message>
    <message>
      <source>The corrected slices have taught nothing: {reason}.</source>
      <translation>Aus den korrigierten Schichten wurde nichts gelernt: {reason}.</translation>
    </message>
    <message>
      <source>The image is unlike all other cases</source>
      <translation>Das Bild gleicht keinem anderen Fall</translation>
    </message>
    <message>
      <source>The images show this volume turned by about {angle} degrees within its slices, which headers do not tell; the images were followed.</source>
      <translation>Die Bilder zeigen dieses Volumen um etwa {angle} Grad in der Schichtebene gedreht, was die Dateiköpfe nicht sagen; es wurde nach den Bildern gegangen.</translation>
    </message>
    <message>
      <source>The mask seems to be shifted</source>
      <translation>Die Maske scheint verschoben</translation>
    </message>
    <message>
      <source>The other cases disagree with it</source>
      <translation>Die anderen Fälle widersprechen ihm</translation>
    </message>
    <message>
      <source>The slices of the case {name} seem to run the other way: its header may be wrong.</source>
      <translation>Die Schichten des Falls {name} scheinen andersherum zu laufen: sein Dateikopf ist vielleicht falsch.</translation>
    </message>
    <message>
      <source>The slices of the cases {names} seem to run the other way: their headers may be wrong.</source>
      <translation>Die Schichten der Fälle {names} scheinen andersherum zu laufen: ihre Dateiköpfe sind vielleicht falsch.</translation>
    </message>
    <message>
      <source>The slices of this volume seem to run the other way: its header may be wrong.</source>
      <translation>Die Schichten dieses Volumens scheinen andersherum zu laufen: sein Dateikopf ist vielleicht falsch.</translation>
    </message>
    <message>
      <source>The slices run the other way</source>
      <translation>Die Schichten laufen andersherum</translation>
    </message>
    <message>
      <source>Time ran out before every value was tried: fit again to go on.</source>
      <translation>Die Zeit reichte nicht für alle Werte: Passen Sie noch einmal an, um fortzufahren.</translation>
    </message>
    <message>
      <source>Trying it on cases that it has not seen</source>
      <translation>Probe an Fällen, die es nicht kennt</translation>
    </message>
    <message>
      <source>Trying other values: {setting}</source>
      <translation>Andere Werte werden versucht: {setting}</translation>
    </message>
    <message>
      <source>Trying turns</source>
      <translation>Drehungen werden probiert</translation>
    </message>
    <message>
      <source>Unlike the library: look at every slice</source>
      <translation>Anders als die Bibliothek: jede Schicht ansehen</translation>
    </message>
    <message>
      <source>What was learned cannot be used: it is damaged, or belongs to other cases. Learn again.</source>
      <translation>Das Gelernte ist nicht nutzbar: Es ist beschädigt oder gehört zu anderen Fällen. Bitte neu lernen.</translation>
    </message>
    <message>
      <source>Writing the result</source>
      <translation>Ergebnis wird geschrieben</translation>
    </message>
    <message>
      <source>axial</source>
      <translation>axialen</translation>
    </message>
    <message>
      <source>confidence</source>
      <translation>Konfidenz</translation>
    </message>
    <message>
      <source>coronal</source>
      <translation>koronalen</translation>
    </message>
    <message>
      <source>sagittal</source>
      <translation>sagittalen</translation>
    </message>
    <message>
      <source>the usual values stay</source>
      <translation>die üblichen Werte bleiben</translation>
    </message>
    <message>
      <source>weight of a slice's place in retrieval</source>
      <translation>Gewicht der Lage einer Schicht bei der Suche</translation>
    </message>
    <message>
      <source>weight of the network's own presence score</source>
      <translation>Gewicht dessen, was das Netz selbst vom Vorhandensein sagt</translation>
    </message>
    <message>
      <source>weight of the place in the cases</source>
      <translation>Gewicht der Lage in den Fällen</translation>
    </message>
    <message>
      <source>what is good enough to be remembered</source>
      <translation>was gut genug ist, um gemerkt zu werden</translation>
    </message>
    <message>
      <source>{learned}; expected Dice {before:.2f} without, {after:.2f} with it.</source>
      <translation>{learned}; erwarteter Dice {before:.2f} ohne, {after:.2f} mit dem Gelernten.</translation>
    </message>
    <message>
      <source>{learned}; it does not help, so results stay as they are (expected Dice {before:.2f}).</source>
      <translation>{learned}; es hilft nicht, daher bleiben die Ergebnisse, wie sie sind (erwarteter Dice {before:.2f}).</translation>
    </message>
    <message>
      <source>{learned}; too few to tell how much it helps.</source>
      <translation>{learned}; zu wenige, um zu sagen, wie viel es hilft.</translation>
    </message>
    <message>
      <source>{n} GB</source>
      <translation>{n} GB</translation>
    </message>
    <message>
      <source>{n} MB</source>
      <translation>{n} MB</translation>
    </message>
    <message>
      <source>{n} boxes</source>
      <translation>{n} Kästen</translation>
    </message>
    <message>
      <source>{n} cases</source>
      <translation>{n} Fälle</translation>
    </message>
    <message>
      <source>{n} files</source>
      <translation>{n} Dateien</translation>
    </message>
    <message>
      <source>{n} h</source>
      <translation>{n} h</translation>
    </message>
    <message>
      <source>{n} holes</source>
      <translation>{n} Löcher</translation>
    </message>
    <message>
      <source>{n} loose islands</source>
      <translation>{n} lose Inseln</translation>
    </message>
    <message>
      <source>{n} min</source>
      <translation>{n} min</translation>
    </message>
    <message>
      <source>{n} points</source>
      <translation>{n} Punkte</translation>
    </message>
    <message>
      <source>{n} s</source>
      <translation>{n} s</translation>
    </message>
    <message>
      <source>{n} strokes</source>
      <translation>{n} Striche</translation>
    </message>
    <message>
      <source>{setting} {value:g} instead of {usual:g}</source>
      <translation>{setting} {value:g} statt {usual:g}</translation>
    </message>
    <message>
      <source>{stage}: {done} of {total}</source>
      <translation>{stage}: {done} von {total}</translation>
    </message>
    <message>
      <source>{text}, {duration} left</source>
      <translation>{text}, noch {duration}</translation>
    </message>
    <message>
      <source>{verdict}; least sure: {segment} ({confidence:.2f})</source>
      <translation>{verdict}; am unsichersten: {segment} ({confidence:.2f})</translation>
    </message>
  </context>
  <context>
    <name>windows.add_files_window</name>
    <message>
      <source>Add the case to the library</source>
      <translation>Den Fall in die Bibliothek aufnehmen</translation>
    </message>
    <message>
      <source>Adding the case...</source>
      <translation>Der Fall wird hinzugefügt...</translation>
    </message>
    <message>
      <source>Choose the folder of the DICOM series</source>
      <translation>Den Ordner der DICOM-Serie wählen</translation>
    </message>
    <message>
      <source>Choose the image</source>
      <translation>Das Bild wählen</translation>
    </message>
    <message>
      <source>Choose the image.</source>
      <translation>Wählen Sie das Bild.</translation>
    </message>
    <message>
      <source>Choose the segmentation</source>
      <translation>Die Segmentierung wählen</translation>
    </message>
    <message>
      <source>Choose the segmentation that was drawn on the image.</source>
      <translation>Wählen Sie die Segmentierung, die auf dem Bild gezeichnet wurde.</translation>
    </message>
    <message>
      <source>Choose the series that was segmented.</source>
      <translation>Wählen Sie die Serie, die segmentiert wurde.</translation>
    </message>
    <message>
      <source>Name the values of the label map: {values}.</source>
      <translation>Benennen Sie die Werte der Labelmap: {values}.</translation>
    </message>
    <message>
      <source>Open or create a library first.</source>
      <translation>Öffnen Sie zuerst eine Bibliothek, oder legen Sie eine an.</translation>
    </message>
    <message>
      <source>nothing chosen</source>
      <translation>nichts gewählt</translation>
    </message>
    <message>
      <source>{name} is in the library.</source>
      <translation>{name} ist in der Bibliothek.</translation>
    </message>
  </context>
  <context>
    <name>windows.batch_window</name>
    <message>
      <source>Add the volumes in a folder</source>
      <translation>Die Volumen eines Ordners hinzufügen</translation>
    </message>
    <message>
      <source>Add volumes</source>
      <translation>Volumen hinzufügen</translation>
    </message>
    <message>
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <source>Check at least one volume.</source>
      <translation>Kreuzen Sie mindestens ein Volumen an.</translation>
    </message>
    <message>
      <source>Choose the folder where results of files go.</source>
      <translation>Wählen Sie den Ordner, in den Ergebnisse von Dateien kommen.</translation>
    </message>
    <message>
      <source>Decision</source>
      <translation>Entscheidung</translation>
    </message>
    <message>
      <source>Done</source>
      <translation>Fertig</translation>
    </message>
    <message>
      <source>Double-click a result to see it with its volume.</source>
      <translation>Ein Doppelklick auf ein Ergebnis zeigt es mit seinem Volumen.</translation>
    </message>
    <message>
      <source>Failed</source>
      <translation>Fehlgeschlagen</translation>
    </message>
    <message>
      <source>Open the folder of a batch</source>
      <translation>Ordner eines Stapels öffnen</translation>
    </message>
    <message>
      <source>Result</source>
      <translation>Ergebnis</translation>
    </message>
    <message>
      <source>Results of files go to</source>
      <translation>Ergebnisse von Dateien kommen nach</translation>
    </message>
    <message>
      <source>Running</source>
      <translation>Läuft</translation>
    </message>
    <message>
      <source>Segment all</source>
      <translation>Alle segmentieren</translation>
    </message>
    <message>
      <source>Segment the checked volumes one after the other</source>
      <translation>Die angekreuzten Volumen nacheinander segmentieren</translation>
    </message>
    <message>
      <source>State</source>
      <translation>Zustand</translation>
    </message>
    <message>
      <source>Stop; results that are there stay</source>
      <translation>Anhalten; vorhandene Ergebnisse bleiben</translation>
    </message>
    <message>
      <source>Stopped</source>
      <translation>Angehalten</translation>
    </message>
    <message>
      <source>There is no volume in this folder.</source>
      <translation>In diesem Ordner ist kein Volumen.</translation>
    </message>
    <message>
      <source>Volume</source>
      <translation>Volumen</translation>
    </message>
    <message>
      <source>Waits</source>
      <translation>Wartet</translation>
    </message>
    <message>
      <source>{done} of {total} finished</source>
      <translation>{done} von {total} fertig</translation>
    </message>
    <message>
      <source>{folder}, series {label} ({modality}, {n} slices)</source>
      <translation>{folder}, Serie {label} ({modality}, {n} Schichten)</translation>
    </message>
    <message>
      <source>{volume} is on display with its result.</source>
      <translation>{volume} wird mit seinem Ergebnis angezeigt.</translation>
    </message>
  </context>
  <context>
    <name>windows.import_dialog</name>
    <message>
      <source>Added: {cases}.</source>
      <translation>Hinzugefügt: {cases}.</translation>
    </message>
    <message>
      <source>Check at least one pair.</source>
      <translation>Kreuzen Sie mindestens ein Paar an.</translation>
    </message>
    <message>
      <source>Image</source>
      <translation>Bild</translation>
    </message>
    <message>
      <source>Looking at the segmentations...</source>
      <translation>Die Segmentierungen werden angesehen...</translation>
    </message>
    <message>
      <source>Looking into the folder...</source>
      <translation>Der Ordner wird angesehen...</translation>
    </message>
    <message>
      <source>Name</source>
      <translation>Name</translation>
    </message>
    <message>
      <source>Name the values of the label maps: {values}.</source>
      <translation>Benennen Sie die Werte der Labelmaps: {values}.</translation>
    </message>
    <message>
      <source>Note</source>
      <translation>Hinweis</translation>
    </message>
    <message>
      <source>Segmentation</source>
      <translation>Segmentierung</translation>
    </message>
    <message>
      <source>Stopped; the cases that were added stay.</source>
      <translation>Angehalten; die hinzugefügten Fälle bleiben.</translation>
    </message>
    <message>
      <source>The folder holds no pair of image and segmentation. A DICOM series with its segmentation is added by 'Add files...'.</source>
      <translation>Der Ordner enthält kein Paar aus Bild und Segmentierung. Eine DICOM-Serie mit ihrer Segmentierung kommt über 'Aus Dateien...' dazu.</translation>
    </message>
    <message>
      <source>Without a partner, left out: {files}</source>
      <translation>Ohne Gegenstück ausgelassen: {files}</translation>
    </message>
    <message>
      <source>in {files}</source>
      <translation>in {files}</translation>
    </message>
  </context>
  <context>
    <name>windows.rename_window</name>
    <message>
      <source>Change the names in all cases that have these segments</source>
      <translation>Die Namen in allen Fällen mit diesen Segmenten ändern</translation>
    </message>
    <message>
      <source>Changed: {cases}.</source>
      <translation>Geändert: {cases}.</translation>
    </message>
    <message>
      <source>Every segment needs a name.</source>
      <translation>Jedes Segment braucht einen Namen.</translation>
    </message>
    <message>
      <source>Type another name first.</source>
      <translation>Tippen Sie zuerst einen anderen Namen ein.</translation>
    </message>
  </context>
  <context>
    <name>windows.review_window</name>
    <message>
      <source>'{file}' cannot be written ({error}). Choose another folder, or free some space.</source>
      <translation>'{file}' kann nicht geschrieben werden ({error}). Wählen Sie einen anderen Ordner, oder schaffen Sie Platz.</translation>
    </message>
    <message>
      <source>(all)</source>
      <translation>(alle)</translation>
    </message>
    <message>
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <source>Case</source>
      <translation>Fall</translation>
    </message>
    <message>
      <source>Details</source>
      <translation>Einzelheiten</translation>
    </message>
    <message>
      <source>Dice</source>
      <translation>Dice</translation>
    </message>
    <message>
      <source>Export the review as a table</source>
      <translation>Die Prüfung als Tabelle exportieren</translation>
    </message>
    <message>
      <source>Loading the case...</source>
      <translation>Der Fall wird geladen...</translation>
    </message>
    <message>
      <source>Nothing is odd here.</source>
      <translation>Hier fällt nichts auf.</translation>
    </message>
    <message>
      <source>Nothing odd was found.</source>
      <translation>Nichts Auffälliges gefunden.</translation>
    </message>
    <message>
      <source>Remove {name} from the library? It goes to the library's trash; Undo remove brings it back.</source>
      <translation>{name} aus der Bibliothek entfernen? Der Fall kommt in ihren Papierkorb; Zurückholen bringt ihn wieder.</translation>
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation>RetrievalSAM</translation>
    </message>
    <message>
      <source>Review</source>
      <translation>Prüfen</translation>
    </message>
    <message>
      <source>Review of {time}.</source>
      <translation>Prüfung von {time}.</translation>
    </message>
    <message>
      <source>Segment</source>
      <translation>Segmentieren</translation>
    </message>
    <message>
      <source>Segment every case by the example of the others</source>
      <translation>Jeden Fall nach dem Beispiel der anderen segmentieren</translation>
    </message>
    <message>
      <source>Select a row to see more.</source>
      <translation>Wählen Sie eine Zeile, um mehr zu sehen.</translation>
    </message>
    <message>
      <source>Slices</source>
      <translation>Schichten</translation>
    </message>
    <message>
      <source>Stop; what is finished is kept, and the next review continues there</source>
      <translation>Anhalten; was fertig ist, bleibt, und die nächste Prüfung geht dort weiter</translation>
    </message>
    <message>
      <source>The library has changed since; review it again.</source>
      <translation>Die Bibliothek hat sich seither geändert; prüfen Sie sie noch einmal.</translation>
    </message>
    <message>
      <source>This library has not been reviewed yet.</source>
      <translation>Diese Bibliothek wurde noch nicht geprüft.</translation>
    </message>
    <message>
      <source>To look at: {n}.</source>
      <translation>Anzusehen: {n}.</translation>
    </message>
    <message>
      <source>What is odd</source>
      <translation>Was auffällt</translation>
    </message>
    <message>
      <source>Worst first</source>
      <translation>Auffälligste zuerst</translation>
    </message>
    <message>
      <source>Written to {file}.</source>
      <translation>Nach {file} geschrieben.</translation>
    </message>
    <message>
      <source>{name} is in the scene, at slice {index}.</source>
      <translation>{name} ist in der Szene, auf Schicht {index}.</translation>
    </message>
    <message>
      <source>{name} is in the scene.</source>
      <translation>{name} ist in der Szene.</translation>
    </message>
  </context>
  <context>
    <name>windows.segment_names</name>
    <message>
      <source>Name</source>
      <translation>Name</translation>
    </message>
    <message>
      <source>The name of the structure, such as Liver</source>
      <translation>Der Name der Struktur, zum Beispiel Leber</translation>
    </message>
    <message>
      <source>Value</source>
      <translation>Wert</translation>
    </message>
  </context>
  <context>
    <name>windows.series_table</name>
    <message>
      <source>Description</source>
      <translation>Beschreibung</translation>
    </message>
    <message>
      <source>Modality</source>
      <translation>Modalität</translation>
    </message>
    <message>
      <source>Series</source>
      <translation>Serie</translation>
    </message>
    <message>
      <source>Size</source>
      <translation>Größe</translation>
    </message>
    <message>
      <source>Slices</source>
      <translation>Schichten</translation>
    </message>
  </context>
  <context>
    <name>windows.slice_buttons</name>
    <message>
      <source>Show slice {index}</source>
      <translation>Schicht {index} zeigen</translation>
    </message>
  </context>
  <context>
    <name>windows.suggest_window</name>
    <message>
      <source>Add volumes, or reports on them</source>
      <translation>Volumen hinzufügen, oder Berichte über sie</translation>
    </message>
    <message>
      <source>Cancel</source>
      <translation>Abbrechen</translation>
    </message>
    <message>
      <source>Check at least one volume.</source>
      <translation>Kreuzen Sie mindestens ein Volumen an.</translation>
    </message>
    <message>
      <source>Compare the checked volumes with the library</source>
      <translation>Die angekreuzten Volumen mit der Bibliothek vergleichen</translation>
    </message>
    <message>
      <source>Draw every structure on these slices, each slice whole. Then go back to RetrievalSAM: the volume is chosen under 'Add a case from the scene', and only the slices that you drew will count.</source>
      <translation>Zeichnen Sie auf diesen Schichten jede Struktur, jede Schicht ganz. Dann gehen Sie zurück zu RetrievalSAM: das Volumen ist dort unter 'Fall aus der Szene hinzufügen' gewählt, und nur die von Ihnen gezeichneten Schichten zählen.</translation>
    </message>
    <message>
      <source>Draw first</source>
      <translation>Zuerst zeichnen</translation>
    </message>
    <message>
      <source>Left out:</source>
      <translation>Ausgelassen:</translation>
    </message>
    <message>
      <source>Open or create a library first.</source>
      <translation>Öffnen Sie zuerst eine Bibliothek, oder legen Sie eine an.</translation>
    </message>
    <message>
      <source>Rank</source>
      <translation>Ordnen</translation>
    </message>
    <message>
      <source>Stop without a ranking</source>
      <translation>Ohne Rangfolge anhalten</translation>
    </message>
    <message>
      <source>The volume could not be loaded.</source>
      <translation>Das Volumen konnte nicht geladen werden.</translation>
    </message>
    <message>
      <source>Volume</source>
      <translation>Volumen</translation>
    </message>
    <message>
      <source>Why</source>
      <translation>Warum</translation>
    </message>
    <message>
      <source>{file} (report)</source>
      <translation>{file} (Bericht)</translation>
    </message>
    <message>
      <source>{volume} is no more in the scene.</source>
      <translation>{volume} ist nicht mehr in der Szene.</translation>
    </message>
    <message>
      <source>{volume} is on display at slice {index}.</source>
      <translation>{volume} wird auf Schicht {index} angezeigt.</translation>
    </message>
    <message>
      <source>{volume}: {why}. {figures} Slices are counted along the {plane} direction.</source>
      <translation>{volume}: {why}. {figures} Gezählt werden die {plane} Schichten.</translation>
    </message>
  </context>
</TS>
