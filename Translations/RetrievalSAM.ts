<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en">
  <context>
    <name>ActionBar</name>
    <message>
      <source>Bring back everything as it was before the last propagation, your corrections included</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Bring back what the last undo took away</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Carry the corrections on to the slices beside them</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Discard</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep and teach</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep the segments, and add them to the library now: the next volume has one more example</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep the segments; they can be taken up again and corrected further at any time</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Propagate corrections</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Put the scene back to what it was before the run</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Redo</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Undo</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>AddFilesWindow</name>
    <message>
      <source>A neutral name for the case; numbered where it is empty</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add a case from files</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add the case to the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the file of the image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the folder that holds the DICOM series, with all folders below it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the segmentation: .seg.nrrd, a label map, a DICOM SEG or RTSTRUCT</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close this window</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>DICOM folder...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Double-click a name to type it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>File...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Image:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Modality:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Resample gantry tilt and uneven distances of slices to a straight grid; without it such series are refused</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segmentation:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Straighten slices that are tilted or unevenly spaced (--straighten)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The folder holds these series. Choose the one that was segmented.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The kind of image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The label map does not name its values, and no case of the library does. Name them once; later cases with these values take the names.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The series of the folder</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>BatchWindow</name>
    <message>
      <source>Add files...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add folder...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add the volumes in a folder and those below it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add volumes that are not in the scene</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check volumes. They are segmented one after the other, with the segments and settings chosen in the module. Results of volumes of the scene become segmentations there, results of files become files.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the folder for the results of files: each is called as its volume and ends in .seg.nrrd; one that is there already is kept</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close this window</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open a batch...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Results of files go to...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment all</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment several volumes</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment the checked volumes one after the other</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Show the results in a folder of `retrievalsam batch`, with what was decided on its page; those that were rejected come first</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Take off the list</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Take the selected file off the list; the file stays</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The volumes in their turn; Enter or a double-click shows a result that is in the scene</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volumes of the scene, and files: those that are checked are segmented</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>CorrectionsPanel</name>
    <message>
      <source>A propagation trains a copy of what the library has learned on the corrected slices, for some seconds, and mixes what it says into the other slices of this volume; the library stays as it is</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A slice that was looked at and is right counts as corrected: it is never changed, and those beside it lean on it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Box</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Click along what belongs to the segment; double-click ends the stroke (S)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Click along what does not belong to the segment; double-click ends the stroke (Shift+S)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Click into a slice view to set points that belong to the segment; press again, or Escape, to stop (P)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Click into a slice view to set points that do not belong to the segment; press again, or Escape, to stop (T)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Corrected slices teach, for this volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Corrections of a result are carried on when you have changed nothing for about three seconds; Undo takes it back</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Delete all</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Delete all points and boxes of all segments</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Points inside</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Points outside</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Propagate by itself after a pause</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Put a box round the segment on the slice on display; drag its handles to fit (B)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Show at once what points, strokes and boxes do to the slice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slices that count as right; they are never changed. Click a number to go there</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stroke inside</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stroke outside</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The segment that points and boxes are placed for</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The slice counts as corrected then; off, points and boxes take effect when they are propagated</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>This slice is right as it is</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>FirstCasePanel</name>
    <message>
      <source>Add</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name, such as Liver</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No annotated case? Name a structure, draw it or click into it on one to three slices, and press Fill the volume below.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Structure:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The volume to draw on</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volume:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What you want to segment, such as Liver. Not the name of a patient</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>ImportDialog</name>
    <message>
      <source>Add the checked pairs</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check the pairs to add</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close this window; an import that goes on is stopped</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Double-click a name to type it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Found these pairs of image and segmentation. Nothing is added before you press Import.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Import</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Import a folder</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Modality of all:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Some label maps do not name their values, and no case of the library does. Name them once; later cases with these values take the names.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The kind of image</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>LibraryPanel</name>
    <message>
      <source>Add a case from an image file or a DICOM folder and its segmentation</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add a case from the scene</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add files...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add from scene</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add pairs of image and segmentation files</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add the cases of a library that was exported as one file</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add the volume and the checked segments to the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Annotated:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Bring the case removed last back from the trash</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check every file of the library against its checksum</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Create...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Export...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Find cases that are drawn wrong or unlike the others</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Find the volumes and slices that would teach the library most</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Fit the settings to this library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Give the segments of the selected case, and of all others that have them, other names</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Import file...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Import folder...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Import, export, verify, review the library, and what to annotate next</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Learn from this library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Load</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Load the selected case into the scene</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Make a new support library in an empty folder</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Modality:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Move the selected case to the trash of the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name of the case in the library; numbered when left empty</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No library is open.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open the folder of a support library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Rename...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Review library...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Search by name, modality or segment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segmentation:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segments:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Shows the cases that hold all words</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The annotated cases; double-click to load one into the scene</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The annotated volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The kind of image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The segmentation that was drawn on it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The segments to keep in the case</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Tools</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Train a small network on the cases, in the background; it is used as far as it proves to be better on cases that it has not seen</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Try other settings and confidence for the chosen model and preset on the cases, in the background, for up to an hour; what proves to be better on patients that were left out is used from then on. Meant for other weights than the bundled model's: the usual settings were fitted to that one</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Undo remove</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Verify</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volume:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What to annotate next...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Whether slices without a segment say that nothing is there</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Whether slices without a segment say that nothing is there: all slices count as annotated, or only those that hold a segment, each drawn whole</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Write the library as one file, to share it or keep it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>numbered when left empty</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>RenameWindow</name>
    <message>
      <source>Change the names in all cases that have these segments</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close this window</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Double-click a name to type it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Rename</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Rename segments</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Type other names. They change in this case and in all others that have the same segments; masks and values stay, and each case gets a new version.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>ResultsPanel</name>
    <message>
      <source>A segmentation of this scene that a run has made: kept, put aside, saved with the scene, or loaded from a file with its report</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Click to go to that slice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Click to show the slice in all views</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Earlier result:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Examples behind a slice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No result yet.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Numbers as a table</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Save numbers...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Show in 3D</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Show the surfaces of the segments in the 3D view</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slices to look at first: those whose correction gains most for the whole result come first (Gain, in Dice; what it mends beside them counts too).</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Take up</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The annotated slices that this slice was drawn from; double-click to load the case</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The same numbers as a CSV file for spreadsheets and statistics</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The segments that were found</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volume, surface, largest diameter, mean and spread of the image, confidence and corrected slices of every segment, as a table of the scene</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>RetrievalSAM</name>
    <message>
      <source>Draw and correct</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>First case without a library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Results</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segments a volume by the example of a few annotated ones, which you keep in a support library. No training, no GPU needed, nothing leaves this computer. For research use only. &lt;a href="https://github.com/RetrievalSAM/SlicerRetrievalSAM"&gt;Documentation and tutorial&lt;/a&gt;</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Set-up</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Support library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The method joins FATE-SAM (arXiv 2501.09138) and Zhao et al. (arXiv 2408.08813); it stands on SAM 2 (arXiv 2408.00714) and DINOv2 (arXiv 2304.07193).</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The tests are not installed; load the module from its source to run them.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>RetrievalSAMModule.packages</name>
    <message>
      <source>PyTorch was not installed. Press the button again to try once more.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The PyTorch extension is missing. Open Slicer's Extensions Manager, install 'PyTorch', and restart Slicer. Without internet, install it from a file there.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The packages could not be installed: {error}. Behind a firewall, let someone with internet run 'pip download' for this Python version, and choose that folder with 'From folder'.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>RetrievalSAMModule.sample_data</name>
    <message>
      <source>Segments of {volume}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>ReviewWindow</name>
    <message>
      <source>Bring the case removed last back from the trash</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close this window; a review that goes on is not stopped</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Every case is segmented by the example of the others and compared with what was drawn in it. This takes as long as segmenting them all; a review that was stopped continues where it stopped. Segmenting goes first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Export as CSV...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Load the case and go to the slice that says most</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Move the case to the trash of the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Order:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove case...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Review</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Review of the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment every case by the example of the others</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Show</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Undo remove</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What is odd in the cases, and the Dice of what the other cases find with what was drawn; Enter or a double-click shows the case</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What the table is sorted by; a click on a column does the same, a second one turns it round</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Write the table for a spreadsheet; it holds no path</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>SegmentPanel</name>
    <message>
      <source>Clean the masks</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Device:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Find the segments of the library in the volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>How many examples each slice is compared with; or a published method, for comparison</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Look only inside this region of interest</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Model:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>More choices</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>New segmentation</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Plane:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Region:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Result:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment volumes of the scene, or files, one after the other with these settings</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segments:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Several volumes...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Speed:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Takes away loose islands, fills small holes where no case has the like, and smooths outlines; what you draw stays as it is</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The network; others than the bundled one are downloaded or imported on the set-up page</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The plane in which the volume is sliced</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The segmentation that gets the segments; its other segments stay</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The segments of the library to look for</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The volume to segment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volume:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Where the network runs</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Whole volume</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>SeriesWindow</name>
    <message>
      <source>Add</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add the chosen series</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose series</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close this window; nothing is added</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The folder holds these DICOM series. Choose those to add; with Ctrl several.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The series of the folder</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>ServerPanel</name>
    <message>
      <source>Address:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Ask the server for its state and its libraries</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>CA file:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Certificate of your own authority (PEM); empty for those that everybody trusts</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the certificate file</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Compute on:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It stands there unencrypted: leave it off where others use this computer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep the token in Slicer's settings</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Library:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Of the server, such as https://gpu.hospital.example:8765</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Support library of the server's, by which runs segment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Test</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Token:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What the administrator of the server gave you; it stays in memory until Slicer is closed</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Where volumes are segmented</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>https://name:8765</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>SetupPanel</name>
    <message>
      <source>Check again</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Copy official weight files from a folder, for computers without internet</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Copy report</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Copy what went wrong to the clipboard; it holds no image and no name of a volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Import weights...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Look again at packages, weights, memory and disk</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Restart the worker</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Start the computing process anew</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What RetrievalSAM needs and what this computer has</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>StartPanel</name>
    <message>
      <source>  I have annotated cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>  I have none</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>  Try it with an example</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A folder with images and their segmentations becomes a library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Draw a structure on one to three slices of the volume on display</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Made-up volumes: nothing is downloaded, nobody was scanned</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Show a few annotated volumes, and the next ones are segmented by them. Where do you want to begin?</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>SuggestWindow</name>
    <message>
      <source>Add files...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add volumes that are not in the scene, or reports that "retrievalsam segment --report" wrote on some of them</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check volumes that are not annotated yet. They are ranked by what a mask of theirs would teach the library, with the few slices worth drawing first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Close this window</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Compare the checked volumes with the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Draw first:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Draw these slices</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Make a segmentation with the segments of the library, and open the Segment Editor</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Rank</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Take off the list</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Take the selected file off the list; the file stays</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volumes of the scene, and files: those that are checked are compared with the library. Reports of the command line may be among the files; those of runs in this session are used by themselves</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What to annotate next</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What would teach the library most comes first; Enter or a double-click shows the volume</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>clients.server_place</name>
    <message>
      <source>RetrievalSAM</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The volume leaves this computer: its voxels and grid, without name and header, are sent to {address}, which deletes them some time after the run. Send volumes there until Slicer is closed?</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>clients.worker_client</name>
    <message>
      <source>Press Restart and try again; with little memory, choose the preset 'fast' or a smaller region.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The worker process could not be started ({program}). Install Slicer or the extension again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The worker process has ended unexpectedly. Nothing in the scene or the library was changed. </source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The worker sent something unreadable and was stopped.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>desk.action_bar</name>
    <message>
      <source>A run goes on.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Fill the volume first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep and teach</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep the segments, and add them to the library now: the next volume has one more example</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep the segments, and make a library with them as its first case: the next volume needs no drawing</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Keep the segments; they can be taken up again and corrected further at any time</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Put the scene back to what it was before</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Save as first case</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>desk.corrections_panel</name>
    <message>
      <source>Cancel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Carry the corrections on to the slices beside them</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Carry what you drew through the whole volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Corrected slices: {slices}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Drawn slices: {slices}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Everything is as it was before the propagation; Redo brings it back.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Fill the volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No slice is corrected yet: edit some, or place points or a box.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Nothing is drawn yet: draw a slice, or place points.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Propagate corrections</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slice {index} is done; where it is empty, the structure ends before it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slice {index} is right as it is</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slices that count as right; they are never changed. Click a number to go there.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Starting...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop; the scene is put back</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopping...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The run failed; the scene is as it was before.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The slice is right</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{counts}; slices: {slices}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{index}: right as it is</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{index}: {segments}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>desk.first_case_panel</name>
    <message>
      <source>A run goes on.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Begin to draw it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Now draw it below on one to three slices, or place points in it; each slice is drawn whole. A double click on a color of the table opens Slicer's terminology. Several structures can be drawn together.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>There is a structure of that name already.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Type the name of a structure, such as Liver.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>desk.keeping</name>
    <message>
      <source>'{file}' cannot be read as a report.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>'{file}' is no report of a run.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A run goes on.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a segmentation.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It has no report. Choose the file that was written with it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It is the one that is being corrected.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It was made with a library. Open that one first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Its volume is not in the scene. Load it, show it in the slice views, and try again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>None of the segments of its report is in it. Choose the report that belongs to it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The result is of a volume of another size than '{volume}'. Choose the one that it was made from.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>desk.teaching</name>
    <message>
      <source>Adding the case...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a new or empty folder for the support library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Kept. {name} is in the library: the next volume has one more example.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Nothing was found in this volume, so there is nothing to teach.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Some names look like patient data: {names}. Add them to the library all the same?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped; the case was not added.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.add_case_panel</name>
    <message>
      <source>Add the volume and the checked segments to the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Adding the case...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>All slices</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check at least one segment; the segmentation may be empty.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the segmentation that was drawn on the volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Only the axial slices that I drew</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Only the coronal slices that I drew</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Only the sagittal slices that I drew</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Only the slices that I drew</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open or create a library first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped; the case was not added.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is in the library.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.confidence_plot</name>
    <message>
      <source>Confidence along the slices</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.library_panel</name>
    <message>
      <source>; {damaged} damaged and left out, see Verify</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>&lt;b&gt;{name}&lt;/b&gt;, {cases}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Added</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Added: {cases}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Case</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Checking every file...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a case in the table.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a folder with images and segmentations</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a new or empty folder for the support library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Damaged in this library: {files}. Nothing was changed so far. Where there is a backup, choose No and put them back from it.

Put the library in order without one? Damaged cases are moved to its folder 'quarantine'; where one has an earlier version that is whole, that stays. Nothing is deleted.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Damaged: {files}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Every file is as it was written.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Export the library as one file</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Exporting...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Fit the settings to this library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Import a library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Importing...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Learn from this library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Loading the case...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No case was removed.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No library is open.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open a support library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open or create a library first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Putting the library in order...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segments</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Some names look like patient data: {names}. Export them all the same?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop fitting the settings</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop learning</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The library has no case yet.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The library is in order again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The library is in order again. What was done is in the details.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Written to {file}: {cases}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>version {n}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is back.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is in the library's trash. Undo remove brings it back.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is in the scene.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} slices</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.module_panel</name>
    <message>
      <source>Review: {text}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.panel</name>
    <message>
      <source>RetrievalSAM</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.results_panel</name>
    <message>
      <source>Choose the report of this result</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cleaned of what no example has: {islands}, {holes}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Confidence</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Filled from the slices that you drew; look at those listed below, correct, fill again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Gain</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Least sure of</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Look at this result again, and correct it further</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Memory ran out on the way, and it was done again with less: look closer than usual.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Move through the volume to see the examples behind each slice.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No result waits.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Nothing was found on slice {index}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Numbers of {volume}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Place</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Save the numbers</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slice {index} was corrected by you.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slice {index} was drawn from these cases of the server's library:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slice {index} was drawn from these; double-click to load a case:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The run took {time}. For research use only.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volume (ml)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What the library has learned from {cases} has a part in this result.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>not found</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{segment}: {islands}, {holes}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.segment_panel</name>
    <message>
      <source>'{name}' holds a result that is neither kept nor discarded, and the run would write over it. Segment anew?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A run goes on.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Apple graphics (MPS)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>As acquired (recommended)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>As published: FATE-SAM</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>As published: Zhao et al. 2024</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Automatic</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Axial</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Balanced</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Bundled (small, fast)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check at least one segment.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose a volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Coronal</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Done, but this volume is unlike anything in this library. Look at every slice below.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Done. Look at the result below, then keep or discard it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Fast (fewer examples)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Find the segments of the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>NVIDIA graphics card (CUDA)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open or create a support library first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Processor (CPU)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Sagittal</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Several volumes are segmented by this computer: choose it under Set-up.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Starting...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop; the scene is put back</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopping...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Takes about {time} and {memory} of memory.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Takes roughly {time} and {memory} of memory.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The library has no case yet. Add an annotated volume first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The run failed; the scene is as it was before.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The server computes. Only voxels and grid of the volume are sent.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The volume has no voxels.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Thorough (more examples)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Under Set-up, connect to the server and choose one of its libraries.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Where the network runs</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.server_panel</name>
    <message>
      <source>Asking the server...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Certificates (*.pem *.crt)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the certificate of your authority</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It is ready</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It is starting</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>RetrievalSAM {version} answers. {state}; runs in its queue: {queue}; libraries: {count}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>server</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>this computer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} ({cases} cases)</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.setup_panel</name>
    <message>
      <source>Bundled model</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Checking and copying...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the folder with the official weight files</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the folder with the wheels</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Delete the weights of {name} ({size}) from this computer?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Disk</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Download</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Download {name} ({size})? Only the file that the authors published is accepted.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Downloading {name}...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Downloading {name}: {done} of {total}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>From folder...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Here</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Install</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Install these Python packages into Slicer from {source}?
{names}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looking at this computer...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Memory</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Python packages</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Ready. The bundled model needs no download; the others are optional. Runs on {device}: {reason}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Something is missing; each line has its button. Nothing is installed without your click.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>These are there in another version, are replaced, and other modules of Slicer use the new version then as well: {names}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Worker process: {state}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>close other programs before a large volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>comes with the extension</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>complete</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>damaged, download it again; {text}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>has ended unexpectedly; press Restart the worker</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>here; {text}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>missing</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>missing: {names}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>not here; {text}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>not running; it starts when it is needed</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>running</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>starting</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>the internet</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>too little for most weights</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>unknown</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{free} free</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{reason} Install PyTorch again with Slicer's PyTorch extension.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{size}, {licence}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{text}; {advice}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.start_panel</name>
    <message>
      <source>Made-up volumes: nothing is downloaded, nobody was scanned</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The example is being made.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.supports_table</name>
    <message>
      <source>Attention</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Example</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Similarity</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>slice {slice}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>this volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{about}
A slice that you corrected; double-click to go there</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{case}, slice {slice}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{text}
for {segments}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>panels.verdict_line</name>
    <message>
      <source>No case of the library could be aligned with this volume, so that their places say nothing of it: look at every slice.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>This volume is unlike anything in this library; do not trust this mask without looking at every slice.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>This volume looks like those of the library.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Whether this volume is like those of the library cannot be told; look closely, above all at the slices listed below.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.batching</name>
    <message>
      <source>'{name}' is no more in the scene.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Kept: this file was there already</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Starting...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopping...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The volume could not be loaded.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Waits for the run that goes on.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.correcting</name>
    <message>
      <source>Correct a slice with the Segment Editor, or place points or a box.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Draw the structure on one to three slices, or place points in it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The published method FATE-SAM knows no corrections. Segment with another choice of speed.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>There are points or a box on slice {slices}, which counts as corrected, and corrected slices are never changed. Delete them there, or take the slice out of the corrected ones.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>There is no result to correct.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.decided</name>
    <message>
      <source>A decision of this batch cannot be read: {fault}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A file of this batch cannot be read ({error}).</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Accepted</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Disputed</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Rejected</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>There is no result of a batch in this folder.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.learning</name>
    <message>
      <source>Fitting failed. The settings are as they were; the next time continues where it stopped.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Fitting the settings needs cases of at least three patients.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Learning failed. The library is as it was; the next time continues where it stopped.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Learning needs at least two cases.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped. Fitting continues where it stopped the next time.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped. Learning continues where it stopped the next time.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The library has changed: fitting goes on with the cases as they are now.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The library has changed: learning goes on with the cases as they are now.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.library_work</name>
    <message>
      <source>Open or create a library first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Starting...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopping...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Waits for other work; continues where it stopped.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.reviewing</name>
    <message>
      <source>A review compares every case with the others: add at least two cases.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped. The next review continues where it stopped.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The library has changed: the review begins anew.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The review failed. The next one continues where it stopped.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.segmenting</name>
    <message>
      <source>'{name}' has no voxels. Choose another volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped, since the scene was closed.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped, since the segmentation was deleted.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped, since the volume was deleted.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped. The scene is as it was before.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.suggesting</name>
    <message>
      <source>'{name}' is no more in the scene.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slicer's temporary folder cannot be written ({error}). Free some space and try again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Starting...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopping...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The volumes could not be ranked.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Waits for the run that goes on.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{stage}: {done} of {total}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>runs.trying</name>
    <message>
      <source>Example</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Making the example...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Making the library of the example...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The example could not be loaded.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.case_loading</name>
    <message>
      <source>Segments of {volume}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The case could not be loaded.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.drawing</name>
    <message>
      <source>Drawn on {volume}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.image_file</name>
    <message>
      <source>The volume was deleted.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.prompts</name>
    <message>
      <source>Box of {segment}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Inside {segment}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Outside {segment}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stroke inside {segment}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stroke outside {segment}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The box '{box}' has no size. Draw it larger, or delete it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The box '{box}' lies outside the volume '{volume}'. Move it into the volume, or delete it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The point '{point}' lies outside the volume '{volume}'. Move it into the volume, or delete it.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.segmentation_files</name>
    <message>
      <source>Nothing of '{segmentation}' lies within '{volume}'. Choose the segmentation that was drawn on this volume, with at least one segment that is not empty.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segments of {volume}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.segments_in_file</name>
    <message>
      <source>The result '{file}' could not be read. Press Segment again.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.slice_views</name>
    <message>
      <source>{side} {mm} mm</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.tables</name>
    <message>
      <source>'{file}' could not be written; is the disk full? Free some space and try again.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.volume_files</name>
    <message>
      <source>'{file}' could not be written; is the disk full? Free some space and try again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>'{name}' has no voxels. Choose another volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>'{name}' has several values a voxel (a color or vector volume). Choose a scalar volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The region '{name}' has no size yet. Draw it, or choose no region.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The region '{region}' lies beside the volume '{volume}'. Move it onto the volume.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>scene.work_folder</name>
    <message>
      <source>Slicer's temporary folder cannot be written ({error}). Free some space and try again.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>texts.suggest_view</name>
    <message>
      <source>Novelty {n:.2f}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>differs from the library as much as its cases differ from each other</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>fair confidence when it was segmented</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>high confidence when it was segmented</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>low confidence when it was segmented</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>most like the others: a good first one</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>much like {case}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>nearest case {case} ({n:.2f})</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>shows nothing new</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>uncertainty {n:.2f}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>unlike all cases of the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>unlike those above</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>texts.wording</name>
    <message>
      <source>1 box</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1 case</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1 file</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1 hole</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1 loose island</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1 point</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>1 stroke</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A file is damaged; the case was left out</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A gap between drawn slices</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>A slice unlike its neighbors</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Aligning cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Another color than in most cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Another terminology code than in most cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Carrying corrections on</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cases have changed since: fit the settings again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cases have changed since: learn again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Checking the order of slices</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cleaning</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Comparing slices</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Confidence is fitted to this model from now on.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Empty here, drawn in other cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Fitted to {model} ({preset}) on {cases}: {changes}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Learned from {n} of {cases}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Learning</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Learning from the aligned cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Learning needs at least two cases.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Like the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Loading the model</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looking at the examples</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looking at volumes</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looking closer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looks like patient data: {names}. Choose a neutral name.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Measuring a step</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Memory ran out; trying again with less of it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Missing here, other cases have it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Much larger or smaller than in other cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Named otherwise than in other cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No other case has it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No other value is better beyond noise: the settings stay as they are (Dice {before:.2f}).</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Nothing learned yet.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>On patients left out: Dice {before:.2f} with the usual values, {after:.2f} with those that fit better.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Other cases fare worse with it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Perhaps unlike the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Preparing the cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Reading the cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Reading the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Reading the volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Reviewing cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segmenting</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segmenting every case by the others</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segmenting every case by those of other patients</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segments seem to be swapped</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Settings that were fitted earlier cannot be used: fit them again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Starting</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>That was to be expected: they were fitted to the bundled model.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The corrected slices have taught a copy of what the library learned ({time}); other slices may have changed by it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The corrected slices have taught nothing: {reason}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The image is unlike all other cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The images show this volume turned by about {angle} degrees within its slices, which headers do not tell; the images were followed.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The mask seems to be shifted</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The other cases disagree with it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The slices of the case {name} seem to run the other way: its header may be wrong.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The slices of the cases {names} seem to run the other way: their headers may be wrong.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The slices of this volume seem to run the other way: its header may be wrong.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The slices run the other way</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Time ran out before every value was tried: fit again to go on.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Trying it on cases that it has not seen</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Trying other values: {setting}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Trying turns</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Unlike the library: look at every slice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What was learned cannot be used: it is damaged, or belongs to other cases. Learn again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Writing the result</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>axial</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>confidence</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>coronal</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>sagittal</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>the usual values stay</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>weight of a slice's place in retrieval</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>weight of the network's own presence score</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>weight of the place in the cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>what is good enough to be remembered</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{learned}; expected Dice {before:.2f} without, {after:.2f} with it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{learned}; it does not help, so results stay as they are (expected Dice {before:.2f}).</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{learned}; too few to tell how much it helps.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} GB</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} MB</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} boxes</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} cases</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} files</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} h</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} holes</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} loose islands</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} min</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} points</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} s</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{n} strokes</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{setting} {value:g} instead of {usual:g}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{stage}: {done} of {total}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{text}, {duration} left</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{verdict}; least sure: {segment} ({confidence:.2f})</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.add_files_window</name>
    <message>
      <source>Add the case to the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Adding the case...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the folder of the DICOM series</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the image.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the segmentation</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the segmentation that was drawn on the image.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the series that was segmented.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name the values of the label map: {values}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open or create a library first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>nothing chosen</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is in the library.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.batch_window</name>
    <message>
      <source>Add the volumes in a folder</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add volumes</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check at least one volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Choose the folder where results of files go.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Decision</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Done</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Double-click a result to see it with its volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Failed</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open the folder of a batch</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Result</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Results of files go to</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Running</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment all</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment the checked volumes one after the other</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>State</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop; results that are there stay</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>There is no volume in this folder.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Waits</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{done} of {total} finished</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{folder}, series {label} ({modality}, {n} slices)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{volume} is on display with its result.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.import_dialog</name>
    <message>
      <source>Added: {cases}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check at least one pair.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looking at the segmentations...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Looking into the folder...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name the values of the label maps: {values}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Note</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segmentation</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped; the cases that were added stay.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The folder holds no pair of image and segmentation. A DICOM series with its segmentation is added by 'Add files...'.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Without a partner, left out: {files}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>in {files}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.rename_window</name>
    <message>
      <source>Change the names in all cases that have these segments</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Changed: {cases}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Every segment needs a name.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Type another name first.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.review_window</name>
    <message>
      <source>'{file}' cannot be written ({error}). Choose another folder, or free some space.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>(all)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Case</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Details</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Dice</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Export the review as a table</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Loading the case...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Nothing is odd here.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Nothing odd was found.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove {name} from the library? It goes to the library's trash; Undo remove brings it back.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>RetrievalSAM</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Review</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Review of {time}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Segment every case by the example of the others</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Select a row to see more.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slices</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop; what is finished is kept, and the next review continues there</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The library has changed since; review it again.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>This library has not been reviewed yet.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>To look at: {n}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What is odd</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Worst first</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Written to {file}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is in the scene, at slice {index}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{name} is in the scene.</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.segment_names</name>
    <message>
      <source>Name</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The name of the structure, such as Liver</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Value</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.series_table</name>
    <message>
      <source>Description</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Modality</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Series</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Size</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Slices</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.slice_buttons</name>
    <message>
      <source>Show slice {index}</source>
      <translation type="unfinished" />
    </message>
  </context>
  <context>
    <name>windows.suggest_window</name>
    <message>
      <source>Add volumes, or reports on them</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Cancel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Check at least one volume.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Compare the checked volumes with the library</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Draw every structure on these slices, each slice whole. Then go back to RetrievalSAM: the volume is chosen under 'Add a case from the scene', and only the slices that you drew will count.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Draw first</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Left out:</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open or create a library first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Rank</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop without a ranking</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The volume could not be loaded.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Volume</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Why</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{file} (report)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{volume} is no more in the scene.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{volume} is on display at slice {index}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{volume}: {why}. {figures} Slices are counted along the {plane} direction.</source>
      <translation type="unfinished" />
    </message>
  </context>
</TS>
