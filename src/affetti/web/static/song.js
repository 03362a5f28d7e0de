// The page Song: recordings in, their emotion over time.

import { follow, upload } from "./api.js";
import { drawCurves, drawWave } from "./chart.js";
import { MelView } from "./mel.js";
import { Pad, signed } from "./pad.js";
import { element } from "./svg.js";
import { NO_REGRESSOR, blobUrl, byId, downloads, everyFrame, node, say } from "./page.js";

export function start(catalogue) {
  const status = byId("song-status"), bar = byId("song-progress"), audio = byId("song-audio"), mel = new MelView(byId("song-mel"));
  const songs = [];
  let shown = null, heads = [], order = "name", descending = false;
  const pad = new Pad(byId("song-plane"), { words: catalogue.words, label: "Predicted path on the emotion plane" });
  pad.svg.setAttribute("role", "img");
  pad.svg.removeAttribute("tabindex");

  async function take(files) {
    const list = [...files];
    if (!list.length) return;
    const failures = [];
    for (const [i, file] of list.entries()) {
      const song = { name: file.name, points: [], parts: [], seconds: 0, peaks: [], decoded: false };
      if (file.size === 0) { failures.push(`${file.name} is empty.`); continue; }
      if (file.size > catalogue.max_upload_bytes) { failures.push(`${file.name} is larger than ${catalogue.max_upload_bytes / 2 ** 20} MB.`); continue; }
      songs.push(song);
      try {
        bar.removeAttribute("value");
        bar.hidden = false;
        say(status, `Reading ${file.name} (${i + 1} of ${list.length})\u2026`);
        const job = await upload("/api/v1/predict", file);
        const result = await follow(job, (event) => progress(song, event));
        Object.assign(song, { result, seconds: result.seconds, peaks: result.peaks });
        if (shown === null || shown === song) show(song);
      } catch (error) {
        songs.splice(songs.indexOf(song), 1);
        failures.push(`${file.name}: ${error.message}.`);
        if (shown === song) { shown = null; byId("song-view").hidden = true; }
      }
      table();
    }
    bar.hidden = true;
    const done = list.length - failures.length, count = done === 1 ? "1 recording is" : `${done} recordings are`;
    const lines = [...failures, ...(done ? [`${count} done.`] : []), ...(catalogue.regressor ? [] : [`No regressor: ${NO_REGRESSOR}`])];
    say(status, lines.join(" "), failures.length > 0);
  }

  function progress(song, event) {
    if (event.type === "part") {
      if (event.start === 0) song.parts = [];
      song.parts.push(event);
      if (!song.decoded) Object.assign(song, { seconds: event.start + event.seconds, peaks: song.parts.flatMap(({ peaks }) => peaks) });
    } else if (event.type === "sound") Object.assign(song, { seconds: event.seconds, peaks: event.peaks, decoded: true });
    else if (event.type === "points") song.points.push(...event.points);
    if (shown === null || shown === song) {
      shown = song;
      drawCurve(song);
      if (event.type === "part") mel.showParts(song.parts, song.seconds);
    }
    if (!song.decoded) { bar.removeAttribute("value"); return say(status, `${song.name}: read to ${clock(song.seconds)}\u2026`); }
    const until = song.points.at(-1)?.time ?? 0;
    bar.value = until / song.seconds;
    say(status, `${song.name}: predicted to ${clock(until)} of ${clock(song.seconds)}\u2026`);
  }

  function show(song) {
    shown = song;
    byId("song-view").hidden = false;
    byId("song-name").textContent = song.name;
    audio.src = song.result.sound.url;
    mel.show(song.result.picture);
    drawCurve(song);
    const links = [["FLAC", song.result.sound.url, "recording.flac"]];
    if (song.result.prediction) links.push(["CSV", blobUrl(csv(song), "text/csv"), `${song.name}.csv`],
      ["Picture (SVG)", blobUrl(standalone(byId("song-curve").querySelector("svg")), "image/svg+xml"), `${song.name}.svg`]);
    downloads(byId("song-downloads"), links);
    table();
  }

  function drawCurve(song) {
    byId("song-view").hidden = false;
    byId("song-name").textContent = song.name;
    const prediction = song.result?.prediction, curve = prediction?.curve ?? song.points;
    const half = (name) => (prediction?.[`${name}_ci`] ? (prediction[`${name}_ci`][1] - prediction[`${name}_ci`][0]) / 2 : 0);
    heads = song.peaks.length ? [drawWave(byId("song-wave"), song.peaks, "Waveform")] : [];
    const lines = ["valence", "arousal"].map((name) => ({ name, band: half(name), points: curve.map((p) => [p.time, p[name]]) }));
    if (curve.length) heads.push(drawCurves(byId("song-curve"), song.seconds, lines, "Predicted valence and arousal over time"));
    else byId("song-curve").replaceChildren();
    byId("song-curve-note").textContent = curve.length ? note(prediction, Math.min(song.seconds, catalogue.regressor.seconds)) : "";
    song.trail = curve.filter((p) => p.valence !== null).map((p) => [p.valence, p.arousal]);
    pad.draw({ predictedTrail: song.trail });
  }

  function table() {
    const value = (song) => (order === "name" ? song.name.toLowerCase() : order === "seconds" ? song.seconds : song.result?.prediction?.[order] ?? -9);
    const sorted = songs.filter(({ result }) => result).sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (descending ? -1 : 1));
    const body = byId("songs").tBodies[0], focused = body.contains(document.activeElement);
    byId("songs").hidden = sorted.length === 0;
    body.replaceChildren(...sorted.map((song) => {
      const prediction = song.result.prediction, number = (name) => (prediction ? signed(prediction[name]) : "\u2013");
      const row = node("tr", {}, node("td", {}, node("button", { type: "button", onclick: () => show(song) }, song.name)),
        node("td", {}, number("valence")), node("td", {}, number("arousal")), node("td", {}, `${Math.round(song.seconds)} s`));
      row.setAttribute("aria-selected", String(song === shown));
      return row;
    }));
    if (focused) body.querySelector("[aria-selected=true] button")?.focus();
  }

  for (const button of byId("songs").querySelectorAll("[data-sort]")) button.onclick = () => {
    descending = order === button.dataset.sort && !descending;
    order = button.dataset.sort;
    for (const other of byId("songs").querySelectorAll("th")) other.removeAttribute("aria-sort");
    button.closest("th").setAttribute("aria-sort", descending ? "descending" : "ascending");
    table();
  };
  const drop = byId("drop");
  byId("files").onchange = ({ target }) => { take(target.files); target.value = ""; };
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); take(event.dataTransfer.files); });
  if (!catalogue.regressor) say(status, `No regressor: recordings can be played and seen; ${NO_REGRESSOR}`);
  else if (catalogue.regressor.description) say(status, `Predicted by ${catalogue.regressor.description}`);
  everyFrame(() => {
    const share = audio.duration ? audio.currentTime / audio.duration : null;
    for (const head of heads) head(share);
    mel.position = share;
    const curve = shown?.result?.prediction?.curve;
    if (share !== null && curve?.length) {
      const now = curve.reduce((a, b) => (Math.abs(b.time - audio.currentTime) < Math.abs(a.time - audio.currentTime) ? b : a));
      const at = now.valence === null ? undefined : [now.valence, now.arousal];
      if (at !== shown.at) { shown.at = at; pad.draw({ predictedTrail: shown.trail, predicted: at }); }
    }
  });
  return { leave: () => audio.pause() };
}

/** What the curves are. */
function note(prediction, seconds) {
  const level = prediction?.interval_level, band = level ? `; bands: ${Math.round(100 * level)} % interval` : "";
  return `Each point is predicted from the ${Math.round(seconds)} s around it${band}.`;
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function csv(song) {
  const rows = song.result.prediction.curve.map(({ time, valence, arousal }) => [time, valence ?? "", arousal ?? ""].join(","));
  return ["time,valence,arousal", ...rows].join("\n") + "\n";
}

/** The chart with its colours, as a file of its own. */
function standalone(svg) {
  const copy = svg.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const originals = [...svg.querySelectorAll("*")], targets = [...copy.querySelectorAll("*")];
  for (const [i, original] of originals.entries()) {
    const style = getComputedStyle(original);
    for (const name of ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-family"]) targets[i].setAttribute(name, style.getPropertyValue(name));
  }
  copy.prepend(element("rect", { width: "100%", height: "100%", fill: getComputedStyle(document.body).backgroundColor }));
  return copy.outerHTML;
}
