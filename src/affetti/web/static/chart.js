// Curves of valence and arousal over time, and the waveform, as SVG.

import { element, points } from "./svg.js";

const WIDTH = 640, LEFT = 34;

/** Draw `curves`: [{name: "valence" | "arousal", points: [[time, value]], requested, band}] over `seconds`. */
export function drawCurves(container, seconds, curves, label) {
  const height = 190, top = 8, bottom = 24;
  const x = (time) => LEFT + (WIDTH - LEFT - 6) * time / Math.max(seconds, 1e-9), y = (value) => top + (height - top - bottom) * (1 - value) / 2;
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label });
  for (const value of [-1, 0, 1]) svg.append(
    element("line", { x1: LEFT, x2: WIDTH - 6, y1: y(value), y2: y(value), class: "grid" }),
    element("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, String(value).replace("-", "\u2212")),
  );
  svg.append(element("text", { x: WIDTH - 6, y: height - 6, "text-anchor": "end" }, `${Math.round(seconds)} s`));
  for (const { name, points: values, requested, band } of curves) {
    for (const run of runs(values)) {
      if (band) svg.append(element("polygon", { class: `band ${name}`, points: points([
        ...run.map(([t, v]) => [x(t), y(Math.min(1, v + band))]), ...run.toReversed().map(([t, v]) => [x(t), y(Math.max(-1, v - band))])]) }));
      svg.append(element("polyline", { class: `${name}${requested ? " requested" : ""}`, points: points(run.map(([t, v]) => [x(t), y(v)])) }));
    }
  }
  ["valence", "arousal"].forEach((name, i) => svg.append(element("text", { x: LEFT + 70 * i, y: height - 6, class: `legend ${name}` }, name)));
  container.replaceChildren(svg);
  return playhead(svg, (share) => x(share * seconds), top, height - bottom);
}

export function drawWave(container, peaks, label) {
  const height = 70, bar = (WIDTH - LEFT - 6) / peaks.length, largest = Math.max(...peaks, 1e-6);
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label });
  const upper = peaks.map((p, i) => [LEFT + i * bar, height / 2 - p / largest * height / 2]);
  const lower = upper.toReversed().map(([px, py]) => [px, height - py]);
  svg.append(element("polygon", { class: "wave", points: points([...upper, ...lower]) }));
  container.replaceChildren(svg);
  return playhead(svg, (share) => LEFT + share * (WIDTH - LEFT - 6), 0, height);
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
