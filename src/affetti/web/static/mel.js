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
    if (picture === null) { this.image = null; this.paint(); return; }
    const { bands, columns, data } = picture, levels = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const image = new ImageData(columns, bands);
    for (let band = 0; band < bands; band++) for (let column = 0; column < columns; column++) {
      const from = 4 * levels[band * columns + column], to = 4 * ((bands - 1 - band) * columns + column);
      image.data.set(PALETTE.subarray(from, from + 4), to);
    }
    this.image = new OffscreenCanvas(columns, bands);
    this.image.getContext("2d").putImageData(image, 0, 0);
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
