// The page Path: points on the plane, and a piece that goes from one to the next.

import { post } from "./api.js";
import { drawCurves } from "./chart.js";
import { MelView } from "./mel.js";
import { Pad } from "./pad.js";
import { blobUrl, byId, downloads, everyFrame, node, say } from "./page.js";

export function start(catalogue) {
  const status = byId("path-status"), audio = byId("path-audio"), mel = new MelView(byId("path-mel"));
  let stops = [], moving = null, playhead = () => {};

  const pad = new Pad(byId("path-plane"), {
    words: catalogue.words,
    label: "Emotion plane. Arrow keys move; each click or press of Enter adds a point of the path.",
    onPick: (valence, arousal, final) => {
      moving = [valence, arousal];
      if (final && !usingArrows) add();
      else draw();
    },
  });
  // With arrow keys a point is moved until Enter sets it.
  let usingArrows = false;
  pad.svg.addEventListener("keydown", ({ key }) => { usingArrows = key.startsWith("Arrow"); }, { capture: true });
  pad.svg.addEventListener("pointerdown", () => { usingArrows = false; }, { capture: true });

  function add() { stops.push(moving); moving = null; draw(); }

  function draw() {
    pad.draw({ trail: moving ? [...stops, moving] : stops, stops, request: moving ?? undefined });
    byId("path-undo").disabled = byId("path-clear").disabled = byId("path-compose").disabled = stops.length === 0;
    if (stops.length) say(status, `${stops.length} point${stops.length > 1 ? "s" : ""}, spread evenly over the piece.`);
  }

  function curve() {
    const seconds = Number(byId("path-seconds").value), step = seconds / Math.max(1, stops.length - 1);
    return stops.map(([valence, arousal], i) => ({ time: Math.round(1000 * i * step) / 1000, valence, arousal }));
  }

  async function compose() {
    const requested = curve(), seconds = Number(byId("path-seconds").value), button = byId("path-compose");
    button.disabled = true;
    say(status, "Composing\u2026");
    try {
      const body = { curve: requested, seconds, genre: byId("path-genre").value, seed: Number(byId("path-seed").value) };
      const piece = await post("/api/v1/compose", body);
      audio.src = piece.sound.url;
      audio.play().catch(() => {});
      say(status, `${Math.round(piece.seconds)} seconds in ${piece.sections.length} sections.`);
      show(piece, requested, null);
      const analysis = await post(`/api/v1/sounds/${piece.sound.id}/analysis`);
      mel.show(analysis.picture);
      show(piece, requested, analysis.prediction);
    } catch (error) { say(status, error.message, true); }
    button.disabled = stops.length === 0;
  }

  function show(piece, requested, prediction) {
    const ends = requested.length > 1 ? requested : [...requested, { ...requested[0], time: piece.seconds }];
    const curves = ["valence", "arousal"].flatMap((name) => [
      { name, requested: true, points: ends.map((point) => [point.time, point[name]]) },
      { name, points: prediction ? prediction.curve.map((point) => [point.time, point[name]]) : piece.sections.flatMap((s) => [[s.start, s[name]], [s.start + s.duration, s[name]]]) },
    ]);
    const label = prediction ? "Requested (dashed) and predicted (solid)" : "Requested (dashed) and what the cues of each section give (solid)";
    playhead = drawCurves(byId("path-curve"), piece.seconds, curves, label);
    byId("path-curve").append(node("p", { className: "status" }, `${label}.`));
    downloads(byId("path-downloads"), [
      ["FLAC", piece.sound.url, "affetti-path.flac"], ["MIDI", piece.sound.midi, "affetti-path.mid"],
      ["CSV", blobUrl(csv(piece, requested, prediction), "text/csv"), "affetti-path.csv"],
    ]);
  }

  byId("path-genre").append(...catalogue.genres.map((value) => node("option", { value }, value)));
  byId("path-genre").value = "pop";
  byId("path-undo").onclick = () => { stops.pop(); moving = null; draw(); };
  byId("path-clear").onclick = () => { stops = []; moving = null; draw(); say(status, "Cleared."); };
  byId("path-compose").onclick = compose;
  everyFrame(() => {
    const share = audio.duration ? audio.currentTime / audio.duration : null;
    playhead(share);
    mel.position = share;
  });
  say(status, "Click on the plane to set the first point.");
  return { leave: () => audio.pause() };
}

function csv(piece, requested, prediction) {
  const rows = requested.map((p) => `requested,${p.time},${p.valence},${p.arousal}`);
  const given = piece.sections.map((s) => `cues,${s.start},${s.valence},${s.arousal}`);
  const predicted = (prediction?.curve ?? []).map((p) => `predicted,${p.time},${p.valence ?? ""},${p.arousal ?? ""}`);
  return ["what,time,valence,arousal", ...rows, ...given, ...predicted].join("\n") + "\n";
}
