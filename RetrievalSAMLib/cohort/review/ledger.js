// Decisions: lines that are only ever added to, as the files of docs/batch.md hold them.

/** All lines that this page knows: those of the batch's folder, of this browser, of loaded files, of a server. */
class Ledger {
  constructor(batch, volumes) {
    this.prefix = `retrievalsam:${batch}:`;
    this.results = new Map(volumes.map((one) => [one.id, one.result]));
    this.lines = new Map(); // by key
    this.byVolume = new Map();
    this.safe = new Set(); // keys of lines that lie in a file or on a server
    this.keeps = true; // whether the browser keeps anything
    this.changed = () => {};
    try {
      for (const name of Object.keys(localStorage).filter((one) => one.startsWith(this.prefix))) {
        if (name === `${this.prefix}safe`) continue;
        this.take(JSON.parse(localStorage.getItem(name)));
      }
      for (const key of JSON.parse(localStorage.getItem(`${this.prefix}safe`) || "[]")) this.safe.add(key);
    } catch (error) {
      this.keeps = false;
      console.warn("this browser keeps nothing", error.name);
    }
    // Another tab, or another reviewer on this computer.
    addEventListener("storage", (event) => {
      if (event.key?.startsWith(this.prefix) && event.newValue && event.key !== `${this.prefix}safe`) {
        if (this.take(JSON.parse(event.newValue))) this.changed();
      }
    });
  }

  /** Note a line, unless it is known; tells whether it was new. */
  take(line) {
    if (this.lines.has(line.key)) return false;
    this.lines.set(line.key, line);
    if (!this.byVolume.has(line.volume)) this.byVolume.set(line.volume, []);
    const lines = this.byVolume.get(line.volume);
    lines.push(line);
    lines.sort((one, other) => Date.parse(one.time) - Date.parse(other.time));
    return true;
  }

  /** Add what this reviewer has just decided. Each line has a place of its own, so that tabs overwrite nothing. */
  add(volume, reviewer, decision, note) {
    const latest = this.latest(volume).at(-1);
    const now = Math.max(Date.now(), latest ? Date.parse(latest.time) + 1 : 0); // a clock that goes back loses nothing
    const line = {
      format: "retrievalsam-decision", version: 1, key: newKey(), volume, result: this.results.get(volume),
      decision, note, reviewer, time: new Date(now).toISOString(),
    };
    this.take(line);
    this.remember(line);
    this.changed(line);
  }

  remember(line) {
    try {
      localStorage.setItem(this.prefix + line.key, JSON.stringify(line));
    } catch {
      this.keeps = false;
    }
  }

  /** Lines that lie in a file or on a server by now. */
  saved(lines) {
    for (const line of lines) this.safe.add(line.key);
    try {
      localStorage.setItem(`${this.prefix}safe`, JSON.stringify([...this.safe]));
    } catch {
      this.keeps = false;
    }
    this.changed();
  }

  /** Lines of a file, a server or the batch's folder; gives how many were new. */
  merge(lines, { safe }) {
    let added = 0;
    for (const line of lines) {
      added += this.take(line);
      if (safe) this.safe.add(line.key);
      else this.remember(line);
    }
    return added;
  }

  get unsaved() {
    return [...this.lines.values()].filter((line) => !this.safe.has(line.key));
  }

  /** Of each reviewer the decision that holds on the result that is there now, the latest last. */
  latest(volume) {
    const found = new Map();
    for (const line of this.byVolume.get(volume) || []) {
      if (line.result !== this.results.get(volume)) continue;
      found.delete(line.reviewer);
      found.set(line.reviewer, line);
    }
    return [...found.values()];
  }

  /** accepted or rejected where all who decided say so, disputed where they do not, else undecided. */
  state(volume) {
    const said = new Set(this.latest(volume).map((line) => line.decision).filter((one) => one !== "undecided"));
    return said.size > 1 ? "disputed" : said.size ? [...said][0] : "undecided";
  }

  get text() {
    const lines = [...this.lines.values()].sort((one, other) => Date.parse(one.time) - Date.parse(other.time));
    return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  }
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");
}

/** The lines of a file, and how many of its lines are none. */
function linesOf(text) {
  const fields = ["key", "volume", "result", "decision", "note", "reviewer", "time"];
  const lines = [];
  let wrong = 0;
  for (const one of text.replace(/^\uFEFF/, "").split("\n").filter((line) => line.trim())) {
    try {
      const line = JSON.parse(one);
      const whole = line.format === "retrievalsam-decision" && line.version === 1 && !Number.isNaN(Date.parse(line.time));
      if (whole && fields.every((name) => typeof line[name] === "string")) lines.push(line);
      else wrong += 1;
    } catch {
      wrong += 1;
    }
  }
  return { lines, wrong };
}
