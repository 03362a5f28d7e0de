// Pictures of the ends and steps of valence and arousal, in the manner of the self-assessment manikin (Bradley & Lang
// 1994): a face from a frown to a smile, and a figure from asleep to bursting.

import { element } from "../svg.js";

const SIZE = 48, C = SIZE / 2;

function face(level) {
  const bend = 16 * (level - 0.5), y = 31 - bend / 3;
  return [
    element("circle", { cx: C, cy: C, r: 20 }),
    element("circle", { cx: 17, cy: 19, r: 1.8, class: "solid" }),
    element("circle", { cx: 31, cy: 19, r: 1.8, class: "solid" }),
    element("path", { d: `M14 ${y} Q${C} ${y + bend} 34 ${y}` }),
  ];
}

function burst(level) {
  const rays = [], inner = 11, outer = inner + 1 + 11 * level;
  if (level > 0) for (let i = 0; i < 12; i++) {
    const angle = (Math.PI * i) / 6, [x, y] = [Math.cos(angle), Math.sin(angle)];
    rays.push(element("line", { x1: C + inner * x, y1: C + inner * y, x2: C + outer * x, y2: C + outer * y }));
  }
  const eyes = level === 0 ? [element("path", { d: "M18 22 h4 M26 22 h4" })] : [20, 28].map((cx) => element("circle", { cx, cy: 22, r: 0.9 + 1.3 * level, class: "solid" }));
  return [...rays, element("circle", { cx: C, cy: C, r: 9 }), ...eyes, element("path", { d: level > 0.6 ? "M21 27 a3 3 0 0 0 6 0z" : "M21 28 h6" })];
}

/** `level` from 0, the lowest point, to 1. */
export function manikin(axis, level) {
  const shapes = axis === "valence" ? face(level) : burst(level);
  return element("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "manikin", "aria-hidden": "true" }, ...shapes);
}
