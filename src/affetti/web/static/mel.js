// A log-mel spectrogram on a canvas, with a playhead over it.

// Five colours of a dark-to-light scale whose lightness rises evenly.
const STOPS = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];
const PALETTE = Uint8ClampedArray.from({ length: 256 * 4 }, (_, i) => {
  const channel = i % 4, at = Math.floor(i / 4) / 255 * (STOPS.length - 1), low = Math.min(Math.floor(at), STOPS.length - 2);
  return channel === 3 ? 255 : STOPS[low][channel] + (at - low) * (STOPS[low + 1][channel] - STOPS[low][channel]);
});

export class MelView {
  constructor(canvas) { this.canvas = canvas; this.image = null; this.at = null; new ResizeObserver(() => this.paint()).observe(canvas); }

  show(picture) {
    this.image = picture && render(picture, picture.maximum_db);
    this.paint();
  }

  /** Show parts of a sound of which more may follow: [{start, seconds, picture}], together `seconds` long. */
  showParts(parts, seconds) {
    const maximum = Math.max(...parts.map(({ picture }) => picture.maximum_db)), perSecond = parts[0].picture.columns / parts[0].seconds;
    this.image = canvasOf(Math.ceil(seconds * perSecond), parts[0].picture.bands);
    const context = this.image.getContext("2d");
    for (const { start, picture } of parts) context.drawImage(render(picture, maximum), Math.round(start * perSecond), 0);
    this.paint();
  }

  /** Where the playhead is, 0 to 1; null: nowhere. */
  set position(at) { if (at !== this.at) { this.at = at; this.paint(); } }

  paint() {
    const { canvas } = this, ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    const context = canvas.getContext("2d");
    if (this.image !== null) context.drawImage(this.image, 0, 0, canvas.width, canvas.height);
    if (this.image !== null && this.at !== null) {
      context.fillStyle = "#fff";
      context.fillRect(this.at * canvas.width - ratio, 0, 2 * ratio, canvas.height);
    }
  }
}

const RANGE_DB = 80;

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  return Object.assign(canvas, { width, height });
}

/** A picture as a canvas of its size, in the colours of a scale whose top is `maximum`, dB. */
function render({ bands, columns, maximum_db: top, data }, maximum) {
  const levels = Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), image = new ImageData(columns, bands), lower = 255 * (maximum - top) / RANGE_DB;
  for (let band = 0; band < bands; band++) for (let column = 0; column < columns; column++) {
    const level = Math.max(0, Math.round(levels[band * columns + column] - lower));
    image.data.set(PALETTE.subarray(4 * level, 4 * level + 4), 4 * ((bands - 1 - band) * columns + column));
  }
  const canvas = canvasOf(columns, bands);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
