// Curves of valence and arousal over time, and the waveform, as SVG.

import { element, points } from "./svg.js";

const LEFT = 34, RIGHT = 6;  // the log-mel between charts has the same edges, see style.css

/** As wide as what it is drawn into, so that text has its size; of a hidden page, a usual width. */
const widthOf = (container) => Math.max(280, container.clientWidth || 640);

/** Draw `curves`: [{name: "valence" | "arousal", points: [[time, value]], requested, band}] over `seconds`. */
export function drawCurves(container, seconds, curves, label) {
  const width = widthOf(container), height = 190, top = 8, bottom = 24;
  const x = (time) => LEFT + (width - LEFT - RIGHT) * time / Math.max(seconds, 1e-9), y = (value) => top + (height - top - bottom) * (1 - value) / 2;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  for (const value of [-1, 0, 1]) svg.append(
    element("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
    element("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, String(value).replace("-", "\u2212")),
  );
  svg.append(element("text", { x: width - RIGHT, y: height - 6, "text-anchor": "end" }, `${Math.round(seconds)} s`));
  for (const { name, points: values, requested, band } of curves) {
    for (const run of runs(values)) {
      if (band) svg.append(element("polygon", { class: `band ${name}`, points: points([
        ...run.map(([t, v]) => [x(t), y(Math.min(1, v + band))]), ...[...run].reverse().map(([t, v]) => [x(t), y(Math.max(-1, v - band))])]) }));
      if (run.length === 1) svg.append(...lone(x(run[0][0]), run[0][1], y, band, name));
      svg.append(element("polyline", { class: `${name}${requested ? " requested" : ""}`, points: points(run.map(([t, v]) => [x(t), y(v)])) }));
    }
  }
  ["valence", "arousal"].forEach((name, i) => svg.append(element("text", { x: LEFT + 70 * i, y: height - 6, class: `legend ${name}` }, name)));
  container.replaceChildren(svg);
  return playhead(svg, (share) => x(share * seconds), top, height - bottom);
}

export function drawWave(container, peaks, label) {
  const width = widthOf(container), height = 70, bar = (width - LEFT - RIGHT) / peaks.length, largest = Math.max(...peaks, 1e-6);
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  const upper = peaks.map((p, i) => [LEFT + i * bar, height / 2 - p / largest * height / 2]);
  const lower = [...upper].reverse().map(([px, py]) => [px, height - py]);
  svg.append(element("polygon", { class: "wave", points: points([...upper, ...lower]) }));
  container.replaceChildren(svg);
  return playhead(svg, (share) => LEFT + share * (width - LEFT - RIGHT), 0, height);
}

/** A point that no line shows, with its interval. */
function lone(at, value, y, band, name) {
  const dot = element("circle", { cx: at, cy: y(value), r: 4, class: `point ${name}` });
  const bar = { x1: at, x2: at, y1: y(Math.min(1, value + band)), y2: y(Math.max(-1, value - band)), class: name };
  return band ? [element("line", bar), dot] : [dot];
}

/** Stretches of a curve without a gap. */
function runs(values) {
  const parts = [[]];
  for (const point of values) if (point[1] === null) parts.push([]); else parts.at(-1).push(point);
  return parts.filter((part) => part.length > 0);
}

function playhead(svg, x, top, bottom) {
  const line = element("line", { class: "playhead", y1: top, y2: bottom, x1: -9, x2: -9 });
  svg.append(line);
  return (share) => { const at = share === null ? -9 : x(share); line.setAttribute("x1", at); line.setAttribute("x2", at); };
}
