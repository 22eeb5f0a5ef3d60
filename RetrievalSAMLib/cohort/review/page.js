// The page itself: a list, one volume at a time, and what is decided of it.

const $ = (id) => document.getElementById(id);
const MARKS = { accepted: "✓", rejected: "✗", disputed: "≠", undecided: "·" };
const IN_WORDS = { accepted: "accepted", rejected: "rejected", disputed: "disputed", undecided: "open" };
const SHORT = { "in-library": "like", uncertain: "unsure", "unlike-library": "unlike" };
const ROWS_AT_ONCE = 300;
const POLL_MILLISECONDS = 4000;

class Page {
  constructor(source, content) {
    Object.assign(this, { source, content, current: null, position: 0, rows: new Map(), shownRows: ROWS_AT_ONCE });
    this.volumes = content.volumes;
    this.ledger = new Ledger(content.batch, this.volumes);
    this.ledger.merge(content.decisions, { safe: true });
    this.ledger.changed = (line) => this.decided(line);
    this.viewer = new Viewer($("slice"), source);
    let missing = "";
    this.viewer.told = (words) => {
      // Pictures that arrive take back what was said of missing ones, and nothing else.
      if (words || $("said").textContent === missing) say(words);
      missing = words;
    };
    this.seen = new IntersectionObserver((entries) => entries.forEach((one) => one.isIntersecting && this.fill(one.target)), { rootMargin: "300px" });
    this.describe();
    this.plots = drawPlots(document.querySelector("#plots .rows"), this.volumes, (volume) => this.choose(volume), (name) => this.onlyOutliers(name));
    $("plots").hidden = !this.plots.length;
    this.wire();
    this.list();
    if (source.isServer) this.synchronise();
    this.choose(this.listed[0] || null);
  }

  describe() {
    const { failed, verdicts } = this.content;
    const unlike = this.volumes.filter((one) => one.verdict === "unlike-library").length;
    this.told = `${this.volumes.length} segmented${unlike ? `, ${unlike} of them unlike the library` : ""}, ${failed.length} failed.`;
    $("notice").textContent = this.content.notice;
    $("version").textContent = this.content.version;
    $("failures").hidden = !failed.length;
    $("failures").querySelector("summary").textContent = `Failed: ${failed.length}`;
    $("failures").querySelector("dl").append(...failed.flatMap((one) => [make("dt", {}, one.id), make("dd", {}, one.error)]));
    const names = [...new Set(this.volumes.flatMap((one) => one.segments.map((segment) => segment.name)))];
    const orders = { first: "what needs a look first", "confidence+": "confidence, rising", "confidence-": "confidence, falling", id: "id", decision: "decision" };
    names.forEach((name, n) => Object.assign(orders, { [`${n}+`]: `${name}, rising`, [`${n}-`]: `${name}, falling` }));
    this.names = names;
    $("sort").append(...Object.entries(orders).map(([value, words]) => make("option", { value }, words)));
    $("verdict").append(...Object.entries(verdicts).map(([value, words]) => make("option", { value }, words)));
    $("structure").append(...names.map((name, n) => make("option", { value: String(n) }, name)));
    $("keep").hidden = this.source.isServer || !window.showSaveFilePicker;
    $("app").hidden = false;
  }

  // The list

  list() {
    const kept = this.volumes.filter((one) => this.passes(one));
    const rank = new Map(this.volumes.map((one, n) => [one, n]));
    const value = this.measure($("sort").value);
    this.listed = kept.sort((a, b) => compare(value(a), value(b)) || rank.get(a) - rank.get(b));
    this.fillList();
  }

  fillList() {
    this.seen.disconnect();
    const some = this.listed.slice(0, this.shownRows);
    document.querySelector("#list ol").replaceChildren(...some.map((one) => this.row(one)));
    $("more").hidden = some.length === this.listed.length;
    $("count").textContent = this.listed.length === this.volumes.length ? `${this.volumes.length} volumes` : `${this.listed.length} of ${this.volumes.length} volumes`;
    if ($("overview").checked) some.forEach((one) => this.seen.observe(this.rows.get(one)));
    this.mark();
  }

  measure(order) {
    const sign = order.endsWith("-") ? -1 : 1;
    if (order === "first") return () => 0;
    if (order === "id") return (one) => one.id;
    if (order === "decision") return (one) => Object.keys(IN_WORDS).reverse().indexOf(this.ledger.state(one.id));
    if (order.startsWith("confidence")) return (one) => sign * one.confidence;
    const name = this.names[Number.parseInt(order, 10)];
    return (one) => sign * (one.segments.find((segment) => segment.name === name)?.volume_mm3 ?? Infinity * sign);
  }

  passes(one) {
    const number = (id, otherwise) => ($(id).value === "" ? otherwise : Number($(id).value));
    const [wanted, verdict, structure] = [$("decision").value, $("verdict").value, $("structure").value];
    const latest = this.ledger.latest(one.id);
    if (wanted === "noted" ? !latest.some((line) => line.note) : wanted && this.ledger.state(one.id) !== wanted) return false;
    if (verdict && one.verdict !== verdict) return false;
    if (one.confidence < number("least", 0) || one.confidence > number("most", 1)) return false;
    const segments = one.segments.filter((segment) => !structure || segment.name === this.names[structure]);
    const [smallest, largest] = [number("smallest", 0), number("largest", Infinity)];
    const fits = (segment) => segment.volume_mm3 / 1000 >= smallest && segment.volume_mm3 / 1000 <= largest;
    if ((structure || smallest || largest < Infinity) && !segments.some(fits)) return false;
    if ($("outlying").checked && !segments.some((segment) => segment.outlier)) return false;
    const words = $("find").value.trim().toLowerCase();
    return !words || [one.id, ...latest.map((line) => line.note)].some((text) => text.toLowerCase().includes(words));
  }

  row(volume) {
    const had = this.rows.get(volume);
    if (had) return had;
    const outs = volume.segments.filter((one) => one.outlier).map((one) => one.name);
    const button = make("button", { type: "button" },
      make("span", { className: "mark" }),
      make("span", { className: "id" }, volume.id, ...(outs.length ? [" ", make("span", { className: "flag out", title: `Stands out: ${outs.join(", ")}` }, "outlier")] : [])),
      make("span", { className: `flag ${volume.verdict}`, title: this.content.verdicts[volume.verdict] || "" }, SHORT[volume.verdict] || volume.verdict),
      make("span", { className: "figure" }, volume.confidence.toFixed(2)),
    );
    button.addEventListener("click", () => this.choose(volume));
    const row = make("li", {}, button);
    row.volume = volume;
    this.rows.set(volume, row);
    this.markRow(volume);
    return row;
  }

  /** The small picture of a row, once it comes into sight. */
  async fill(row) {
    this.seen.unobserve(row);
    if (row.querySelector(".strip") || !row.volume.shown.length) return;
    const picture = make("img", { alt: pictured(row.volume) });
    row.firstChild.append(make("span", { className: "strip" }, picture));
    picture.src = await this.source.picture(`${row.volume.id}.png`);
  }

  markRow(volume) {
    const row = this.rows.get(volume);
    if (!row) return;
    const [state, mark] = [this.ledger.state(volume.id), row.querySelector(".mark")];
    mark.className = `mark ${state}`;
    mark.textContent = MARKS[state];
    mark.title = IN_WORDS[state];
    row.firstChild.setAttribute("aria-label", `${volume.id}, ${this.content.verdicts[volume.verdict] || volume.verdict}, confidence ${volume.confidence.toFixed(2)}, ${IN_WORDS[state]}`);
    row.firstChild.setAttribute("aria-current", String(volume === this.current));
  }

  mark() {
    this.rows.forEach((_row, volume) => this.markRow(volume));
    const counted = { accepted: 0, rejected: 0, disputed: 0, undecided: 0 };
    this.volumes.forEach((one) => (counted[this.ledger.state(one.id)] += 1));
    const words = Object.entries(counted).flatMap(([state, count]) => (count || state !== "disputed" ? `${count} ${IN_WORDS[state]}` : []));
    $("summary").textContent = `${this.told} ${words.join(", ")}.`;
    this.tellKept();
  }

  // One volume

  choose(volume) {
    if (!this.keepNote()) return;
    const before = this.current;
    this.current = volume;
    $("pane").hidden = !volume;
    if (before) this.markRow(before);
    if (!volume) return;
    const at = this.listed.indexOf(volume);
    if (at >= this.shownRows) {
      this.shownRows = at + ROWS_AT_ONCE;
      this.fillList();
    }
    this.markRow(volume);
    if (before) showInside($("list"), this.rows.get(volume));
    this.plots.forEach((row) => row.mark(volume));
    $("name").textContent = volume.id;
    $("verdict-pill").textContent = this.content.verdicts[volume.verdict] || volume.verdict;
    $("verdict-pill").className = `verdict ${volume.verdict}`;
    $("confidence").textContent = volume.confidence.toFixed(2);
    $("orientation").textContent = volume.orientation.length ? `Note: ${volume.orientation.join("; ")}` : "";
    $("reading").textContent = volume.reading.length ? `When it was read: ${volume.reading.join("; ")}` : "";
    this.link("segmentation", `${volume.id}.seg.nrrd`);
    this.link("report", `${volume.id}.report.json`);
    $("segments").replaceChildren(...volume.segments.map(segmentItem));
    this.showStrip(volume);
    $("position").max = Math.max(0, volume.indices.length - 1);
    this.drawCurve(volume);
    this.showDecision();
    this.goTo(leastSure(volume) ?? volume.indices.length >> 1);
  }

  link(id, name) {
    const link = $(id);
    link.setAttribute("aria-label", `${link.textContent} of ${this.current.id}`);
    if (!this.source.isServer) {
      link.href = this.source.file(name);
      return;
    }
    link.href = "#pane";
    link.onclick = async (event) => {
      event.preventDefault();
      try {
        download(await this.source.blob(name), name);
      } catch (error) {
        say(error.message);
      }
    };
  }

  async showStrip(volume) {
    $("strip").replaceChildren();
    $("strip").hidden = !volume.shown.length;
    if (!volume.shown.length) return;
    const picture = make("img", { alt: pictured(volume), width: 1220, height: 200 });
    const buttons = volume.shown.map((position, column) => {
      const button = make("button", { type: "button", title: volume.places[position] }, String(volume.indices[position]));
      button.setAttribute("aria-label", `Go to slice ${volume.indices[position]}`);
      button.style.left = `${(column * 204 * 100) / 1220}%`;
      button.position = position;
      button.addEventListener("click", () => this.goTo(position));
      return button;
    });
    $("strip").append(picture, ...buttons);
    try {
      picture.src = await this.source.picture(`${volume.id}.png`);
    } catch (error) {
      say(error.message);
    }
  }

  drawCurve(volume) {
    const count = volume.indices.length;
    $("curve").setAttribute("viewBox", `0 0 ${Math.max(1, count)} 1`);
    const bars = volume.confidences.map((one, n) => {
      if (one === null) return "";
      const tall = Math.max(0.04, one);
      return shape("rect", { class: one < 0.7 ? "bar low" : "bar", x: n + 0.08, width: 0.84, y: 1 - tall, height: tall });
    });
    $("curve").replaceChildren(...bars, shape("rect", { class: "now", y: 0, width: 1, height: 1 }));
  }

  goTo(position) {
    const volume = this.current;
    if (!volume?.indices.length) return;
    this.position = Math.min(volume.indices.length - 1, Math.max(0, position));
    const confidence = volume.confidences[this.position];
    const words = [
      `${capital(volume.plane)} slice ${volume.indices[this.position]} (${volume.places[this.position]}), ${this.position + 1} of ${volume.indices.length}`,
      confidence === null ? "nothing found here" : `confidence ${confidence.toFixed(2)}`,
    ].join("; ");
    $("where").textContent = words;
    $("slice").setAttribute("aria-label", `${words}, of ${volume.id}`);
    $("position").value = this.position;
    $("position").setAttribute("aria-valuetext", words);
    $("curve").querySelector(".now").setAttribute("x", this.position);
    $("strip").querySelectorAll("button").forEach((one) => one.setAttribute("aria-current", String(one.position === this.position)));
    this.viewer.show(volume, this.position);
  }

  step(by) {
    const next = this.listed[this.listed.indexOf(this.current) + by];
    if (next) this.choose(next);
    else say(by > 0 ? "This is the last volume of the list." : "This is the first volume of the list.");
  }

  // Decisions

  get reviewer() {
    return $("reviewer").value.trim();
  }

  own() {
    return this.current && this.ledger.latest(this.current.id).find((line) => line.reviewer === this.reviewer);
  }

  decide(decision) {
    if (!this.current || !this.named()) return;
    const volume = this.current;
    this.ledger.add(volume.id, this.reviewer, decision, $("note").value.trim());
    say(`${volume.id} ${decision === "undecided" ? "is open again" : decision}.`);
    if ($("onward").checked && decision !== "undecided") this.step(1);
  }

  named() {
    if (this.reviewer) return true;
    say("Say first who decides: initials are enough.");
    $("reviewer").focus();
    return false;
  }

  /** A note is kept with the decision that stands, once its field is left; tells whether nothing is left to keep. */
  keepNote() {
    if (!this.current) return true;
    const [note, own] = [$("note").value.trim(), this.own()];
    if (note === (own?.note || "")) return true;
    if (!this.named()) return false;
    this.ledger.add(this.current.id, this.reviewer, own?.decision || "undecided", note);
    return true;
  }

  showDecision() {
    if (!this.current) return;
    const own = this.own();
    $("accept").setAttribute("aria-pressed", String(own?.decision === "accepted"));
    $("reject").setAttribute("aria-pressed", String(own?.decision === "rejected"));
    $("undo").disabled = !own || own.decision === "undecided";
    if (document.activeElement !== $("note")) $("note").value = own?.note || "";
    $("others").replaceChildren(...this.ledger.latest(this.current.id).map((line) => {
      const said = `${line.reviewer || "somebody"}: ${IN_WORDS[line.decision]}${line.note ? `, “${line.note}”` : ""}`;
      return make("li", { title: line.time }, make("span", { className: `mark ${line.decision}` }, MARKS[line.decision]), ` ${said}`);
    }));
  }

  decided(line) {
    this.mark();
    this.showDecision();
    if (line && this.source.isServer) this.synchronise();
    if (line && this.handle) this.writeFile();
  }

  tellKept() {
    const waiting = this.ledger.unsaved.length;
    const count = `${waiting} ${waiting === 1 ? "entry" : "entries"}`;
    let words;
    if (this.source.isServer) words = waiting ? `${count} not yet on the server; tried again and again.` : "Every decision is on the server.";
    else if (!this.ledger.keeps) words = `This browser keeps nothing: save before you close the page (${count}).`;
    else if (waiting) words = `${count} kept in this browser only. Save them, and put the file into the batch's folder: the commands and the module read it there.`;
    else if (this.ledger.lines.size) words = "Decisions are kept in this browser; all of them are in a file, too.";
    else words = "Nothing is decided yet. Decisions are kept in this browser, on this computer; a file has them for others.";
    $("kept").textContent = words;
  }

  // Files and servers

  get fileName() {
    const name = this.reviewer.normalize("NFKD").replace(/[^A-Za-z0-9-]+/g, "-").replace(/^-+|-+$/g, "");
    return `decisions-${name || "reviewer"}.jsonl`;
  }

  save() {
    this.keepNote();
    if (!this.ledger.lines.size) return say("Nothing is decided yet.");
    download(new Blob([this.ledger.text], { type: "application/x-ndjson" }), this.fileName);
    this.ledger.saved([...this.ledger.lines.values()]);
    return say(`Saved as ${this.fileName} among your downloads. Put it into the batch's folder.`);
  }

  async load(files) {
    let [added, wrong, elsewhere] = [0, 0, 0];
    for (const file of files) {
      const read = linesOf(await file.text());
      const here = read.lines.filter((line) => this.ledger.results.has(line.volume));
      wrong += read.wrong;
      elsewhere += read.lines.length - here.length;
      added += this.ledger.merge(here, { safe: false });
    }
    this.decided();
    if (this.source.isServer) this.synchronise();
    const more = [elsewhere && `${elsewhere} of other batches left out`, wrong && `${wrong} lines are no decisions`].filter(Boolean);
    say([`${added} new`, ...more].join("; "));
  }

  /** Browsers that let a page write a file: from now on it is written after each decision. */
  async keepInFile() {
    try {
      this.handle = await window.showSaveFilePicker({ suggestedName: this.fileName });
    } catch (error) {
      if (error.name !== "AbortError") say(`No file can be kept (${error.name}).`);
      return;
    }
    this.writeFile();
  }

  writeFile() {
    this.writing = (this.writing || Promise.resolve()).then(async () => {
      try {
        // What another page has written there meanwhile stays.
        this.ledger.merge(linesOf(await (await this.handle.getFile()).text()).lines, { safe: false });
        const lines = [...this.ledger.lines.values()];
        const stream = await this.handle.createWritable();
        await stream.write(this.ledger.text);
        await stream.close();
        this.ledger.saved(lines);
        say(`Kept in ${this.handle.name}.`);
      } catch (error) {
        say(`${this.handle.name} cannot be written (${error.name}); decisions are in this browser only.`);
      }
    });
  }

  /** Send what the server lacks, then take what others have decided; one exchange at a time. */
  synchronise() {
    this.again = true;
    this.exchange = this.exchange || this.exchanges().finally(() => (this.exchange = null));
  }

  async exchanges() {
    while (this.again) {
      this.again = false;
      try {
        const waiting = this.ledger.unsaved;
        if (waiting.length) {
          for (let n = 0; n < waiting.length; n += 500) await this.source.send(waiting.slice(n, n + 500));
          this.ledger.saved(waiting);
        }
        const added = this.ledger.merge(await this.source.decisions(), { safe: true });
        if (added) this.decided();
      } catch (error) {
        say(`The server was not reached: ${error.message}`);
      }
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.synchronise(), POLL_MILLISECONDS);
  }

  // Hands

  wire() {
    const on = (id, event, does) => $(id).addEventListener(event, does);
    try {
      $("reviewer").value = localStorage.getItem("retrievalsam:reviewer") || "";
      this.unnamed = !this.reviewer;
    } catch {
      this.ledger.keeps = false;
    }
    on("reviewer", "change", () => {
      try {
        localStorage.setItem("retrievalsam:reviewer", this.reviewer);
      } catch {
        this.ledger.keeps = false;
      }
      if (this.unnamed) this.keepNote(); // it was written before its writer had a name
      this.unnamed = !this.reviewer;
      this.showDecision();
    });
    on("save", "click", () => this.save());
    on("load", "click", () => $("files").click());
    on("files", "change", async (event) => {
      await this.load([...event.target.files]);
      event.target.value = "";
    });
    on("keep", "click", () => this.keepInFile());
    on("help", "click", () => $("keys").showModal());
    on("controls", "submit", (event) => event.preventDefault());
    on("controls", "input", () => this.narrowed());
    on("controls", "reset", () => setTimeout(() => this.narrowed()));
    on("more", "click", () => {
      this.shownRows += ROWS_AT_ONCE;
      this.fillList();
    });
    on("accept", "click", () => this.decide("accepted"));
    on("reject", "click", () => this.decide("rejected"));
    on("undo", "click", () => this.decide("undecided"));
    on("next", "click", () => this.step(1));
    on("previous", "click", () => this.step(-1));
    on("note", "change", () => this.keepNote());
    on("note", "keydown", (event) => event.key === "Escape" && $("pane").focus());
    on("position", "input", (event) => this.goTo(Number(event.target.value)));
    on("outlines", "change", (event) => this.outline(event.target.checked));
    on("curve", "click", (event) => {
      const box = $("curve").getBoundingClientRect();
      this.goTo(Math.floor(((event.clientX - box.left) / box.width) * this.current.indices.length));
    });
    $("viewer").addEventListener("wheel", (event) => {
      event.preventDefault();
      this.goTo(this.position - Math.sign(event.deltaY)); // forward is up, as in Slicer
    }, { passive: false });
    addEventListener("resize", () => this.viewer.draw());
    addEventListener("keydown", (event) => this.key(event));
  }

  narrowed() {
    document.body.classList.toggle("overview", $("overview").checked);
    this.shownRows = ROWS_AT_ONCE;
    this.list();
    if (!this.listed.includes(this.current)) this.choose(this.listed[0] || null);
  }

  onlyOutliers(name) {
    $("controls").reset();
    $("structure").value = String(this.names.indexOf(name));
    $("outlying").checked = true;
    setTimeout(() => this.narrowed());
  }

  outline(shown) {
    $("outlines").checked = shown;
    this.viewer.outlines = shown;
    this.viewer.draw();
  }

  key(event) {
    const { target } = event;
    const typing = target.matches("textarea, select, input:not([type=checkbox]):not([type=range])");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
    const slices = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
    // Beside the volume the page's keys scroll it, as everywhere.
    const here = event.key.startsWith("Arrow") || $("pane").contains(target);
    if (event.key in slices && here && target !== $("position")) {
      event.preventDefault();
      this.goTo(this.position + slices[event.key]);
      return;
    }
    if (!$("letters").checked) return;
    const does = {
      n: () => this.step(1), p: () => this.step(-1), a: () => this.decide("accepted"), r: () => this.decide("rejected"),
      u: () => this.decide("undecided"), m: () => $("note").focus(), o: () => this.outline(!$("outlines").checked),
      l: () => this.goTo(leastSure(this.current) ?? this.position), "?": () => $("keys").showModal(),
    }[event.key.toLowerCase()];
    if (!does) return;
    event.preventDefault();
    does();
  }
}

function compare(a, b) {
  return typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a < b ? -1 : a > b ? 1 : 0;
}

/** Where the slice is that is least sure; nothing where no slice has anything on it. */
function leastSure(volume) {
  const found = volume?.confidences.flatMap((one, n) => (one === null ? [] : [[one, n]])) || [];
  return found.length ? found.reduce((best, one) => (one[0] < best[0] ? one : best))[1] : undefined;
}

/** Scroll a box, and nothing around it, until one of its rows is in sight. */
function showInside(box, row) {
  if (!row) return;
  const [outer, inner] = [box.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top + 8;
  if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + 8;
}

function pictured(volume) {
  const numbers = volume.shown.map((position) => volume.indices[position]).join(", ");
  return `${capital(volume.plane)} slices ${numbers} of ${volume.id} with the outlines of ${volume.segments.map((one) => one.name).join(", ")}`;
}

function segmentItem(one) {
  const swatch = make("span", { className: "swatch" });
  swatch.style.background = one.color;
  const figures = `${one.volume}, confidence ${one.confidence.toFixed(2)}${one.outlier ? ", stands out" : ""}`;
  return make("li", {}, swatch, make("span", { className: "name" }, one.name), make("span", { className: one.outlier ? "figures out" : "figures" }, figures));
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function say(words) {
  $("said").textContent = words;
}

function download(blob, name) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** From a server the page comes without its content, which is asked for with the reviewer's token. */
async function open(source) {
  try {
    const page = new Page(source, await source.content());
    $("entry").hidden = true;
    return page;
  } catch (error) {
    if (error.status !== 401) {
      say(error.message);
      throw error;
    }
    $("entry").hidden = false;
    $("refused").textContent = source.token ? error.message : "";
    $("summary").textContent = "";
    return null;
  }
}

const inPage = JSON.parse($("content").textContent);
const source = inPage ? new FolderSource(inPage) : new ServerSource();
$("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  source.token = $("token").value.trim();
  open(source);
});
open(source);
