// A row for each structure: the volumes that it has in the batch, those that stand out marked and named.

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH, LEFT, RIGHT] = [600, 34, 6, 594];
const NAMED = 2;

/** The rows; `choose` goes to a volume, `narrow` shows those that stand out only. */
function drawPlots(box, volumes, choose, narrow) {
  const structures = new Map();
  for (const volume of volumes) {
    for (const segment of volume.segments) {
      if (!structures.has(segment.name)) structures.set(segment.name, []);
      structures.get(segment.name).push({ volume, segment });
    }
  }
  const rows = [...structures].map(([name, found]) => new PlotRow(name, found, choose, narrow));
  box.replaceChildren(...rows.flatMap((row) => row.cells));
  return rows;
}

class PlotRow {
  constructor(name, found, choose, narrow) {
    this.found = found;
    const sizes = found.map((one) => one.segment.volume_mm3);
    this.least = Math.min(...sizes);
    this.most = Math.max(...sizes);
    const outs = found.filter((one) => one.segment.outlier);
    this.svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
    this.svg.setAttribute("aria-label", `${name}: ${found.length} volumes, from ${textOf(found, this.least)} to ${textOf(found, this.most)}, ${outs.length} stand out`);
    const middle = this.across([...sizes].sort((a, b) => a - b)[sizes.length >> 1]);
    const dots = found.map((one, n) => (one.segment.outlier ? "" : `M${this.across(one.segment.volume_mm3).toFixed(1)} ${this.down(n)}h0`));
    this.svg.append(
      shape("line", { class: "axis", x1: LEFT, x2: RIGHT, y1: 11, y2: 11 }),
      shape("path", { class: "dots", d: dots.join("") }),
      shape("line", { class: "middle", x1: middle, x2: middle, y1: 2, y2: 20 }),
      ...outs.map((one) => this.diamond(one)),
    );
    this.here = shape("circle", { class: "here", r: 6.5, cy: 11, cx: -20 });
    this.svg.append(this.here, this.text(textOf(found, this.least), LEFT, "start"), this.text(textOf(found, this.most), RIGHT, "end"));
    this.svg.addEventListener("click", (event) => {
      const box = this.svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDE;
      const away = (one) => Math.abs(this.across(one.segment.volume_mm3) - x);
      choose(found.reduce((best, one) => (away(one) < away(best) ? one : best)).volume);
    });
    const swatch = make("span", { className: "swatch" });
    swatch.style.background = found[0].segment.color;
    const named = outs.slice(0, NAMED).map(({ volume, segment }) => {
      const button = make("button", { type: "button", title: `${segment.volume} stands out; go there` }, volume.id);
      button.setAttribute("aria-label", `${volume.id}: ${segment.volume} stands out`);
      button.addEventListener("click", () => choose(volume));
      return button;
    });
    if (outs.length > NAMED) {
      const more = make("button", { type: "button", className: "more" }, `and ${outs.length - NAMED} more`);
      more.addEventListener("click", () => narrow(name));
      named.push(more);
    }
    this.cells = [make("span", { className: "name" }, swatch, name), this.svg, make("div", { className: "outs" }, ...named)];
  }

  across(size) {
    return this.most > this.least ? LEFT + ((size - this.least) / (this.most - this.least)) * (RIGHT - LEFT) : WIDE / 2;
  }

  down(number) {
    return 5 + ((number * 7) % 13);
  }

  diamond({ volume, segment }) {
    const x = this.across(segment.volume_mm3);
    const mark = shape("path", { class: "out", d: `M${x} 4l6 7l-6 7l-6 -7z` });
    const title = shape("title", {});
    title.textContent = `${volume.id}: ${segment.volume}`;
    mark.append(title);
    return mark;
  }

  text(words, x, anchor) {
    const text = shape("text", { x, y: 32, "text-anchor": anchor });
    text.textContent = words;
    return text;
  }

  mark(volume) {
    const one = this.found.find((found) => found.volume === volume);
    this.here.setAttribute("cx", one ? this.across(one.segment.volume_mm3) : -20);
  }
}

function textOf(found, size) {
  return found.find((one) => one.segment.volume_mm3 === size).segment.volume;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** An element; texts become text, never HTML. */
function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
