// Where the page's content and pictures come from: files beside it, or the server that gave the page away.

/** A folder on the disk: the content stands in the page. */
class FolderSource {
  constructor(content) {
    this.read = content;
    this.isServer = false;
  }

  async content() {
    return this.read;
  }

  async picture(name) {
    return `pages/${encodeURIComponent(name)}`;
  }

  file(name) {
    return `results/${encodeURIComponent(name)}`;
  }
}

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** `retrievalsam serve`: what is asked for carries the reviewer's token, which stays in this tab. */
class ServerSource {
  constructor() {
    this.isServer = true;
    this.base = `/v1/batches/${location.pathname.split("/").filter(Boolean).at(-1)}`;
    this.pictures = new Map();
  }

  get token() {
    return sessionStorage.getItem("retrievalsam-token") || "";
  }

  set token(text) {
    sessionStorage.setItem("retrievalsam-token", text);
  }

  async ask(path, options = {}) {
    const headers = { ...options.headers, ...(this.token && { Authorization: `Bearer ${this.token}` }) };
    const answer = await fetch(this.base + path, { ...options, headers });
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      throw new Refused(answer.status, told.message || `the server answers ${answer.status}`);
    }
    return answer;
  }

  async content() {
    return (await this.ask("")).json();
  }

  async decisions() {
    return (await (await this.ask("/decisions")).json()).decisions;
  }

  async send(decisions) {
    const body = JSON.stringify({ decisions });
    await this.ask("/decisions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  }

  async picture(name) {
    if (!this.pictures.has(name)) {
      if (this.pictures.size >= 400) {
        const [oldest, url] = this.pictures.entries().next().value;
        this.pictures.delete(oldest);
        url.then(URL.revokeObjectURL, () => {});
      }
      const asked = this.ask(`/pictures/${encodeURIComponent(name)}`).then(async (answer) => URL.createObjectURL(await answer.blob()));
      asked.catch(() => this.pictures.delete(name));
      this.pictures.set(name, asked);
    }
    return this.pictures.get(name);
  }

  async blob(name) {
    return (await this.ask(`/results/${encodeURIComponent(name)}`)).blob();
  }
}

const COLUMNS = 6;
const ON_A_SHEET = 36;
const SHEETS_KEPT = 12;

/** One slice of a volume on a canvas, cut out of its sheets. */
class Viewer {
  constructor(canvas, source) {
    this.canvas = canvas;
    this.source = source;
    this.sheets = new Map();
    this.outlines = true;
    this.told = () => {};
  }

  show(volume, position) {
    this.volume = volume;
    this.position = position;
    this.draw();
  }

  async draw() {
    const { volume, position } = this;
    if (!volume?.indices.length) return;
    const number = Math.floor(position / ON_A_SHEET) + 1;
    try {
      const [greys, lines] = await this.sheet(volume, number);
      if (this.volume !== volume || this.position !== position) return; // another one by now
      this.paint(greys, lines, position % ON_A_SHEET, volume.tile);
      this.told("");
    } catch {
      if (this.volume === volume && this.position === position) this.told(`The pictures of ${volume.id} are not there.`);
    }
  }

  paint(greys, lines, place, [width, height]) {
    const room = this.canvas.parentElement.clientWidth;
    const scale = Math.min(room / width, (innerHeight * 0.62) / height, 3);
    const dense = window.devicePixelRatio || 1;
    this.canvas.style.width = `${Math.round(width * scale)}px`;
    this.canvas.style.height = `${Math.round(height * scale)}px`;
    this.canvas.width = Math.round(width * scale * dense);
    this.canvas.height = Math.round(height * scale * dense);
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    const from = [(place % COLUMNS) * width, Math.floor(place / COLUMNS) * height, width, height];
    const to = [0, 0, this.canvas.width, this.canvas.height];
    pen.drawImage(greys, ...from, ...to);
    if (this.outlines) pen.drawImage(lines, ...from, ...to);
  }

  /** Greys and outlines of a sheet, loaded when they are first needed. */
  sheet(volume, number) {
    const stem = `${volume.id}.${number}`;
    const asked = this.sheets.get(stem) || Promise.all([this.load(`${stem}.jpg`), this.load(`${stem}.png`)]);
    asked.catch(() => this.sheets.delete(stem));
    this.sheets.delete(stem);
    this.sheets.set(stem, asked); // the last one is the one used last
    if (this.sheets.size > SHEETS_KEPT) this.sheets.delete(this.sheets.keys().next().value);
    return asked;
  }

  async load(name) {
    const picture = new Image();
    picture.src = await this.source.picture(name);
    await picture.decode();
    return picture;
  }
}
