// Sounds of trials as they come from the server, decoded; each is loaded once, and again where that failed.

const loaded = new Map();

const address = (steps, trialId, soundId) => steps.path(`sounds/${trialId}/${soundId}`);

export function load(steps, trialId, soundId) {
  const path = address(steps, trialId, soundId);
  if (!loaded.has(path)) {
    const sound = steps.server.bytes(path).then((bytes) => steps.sounds.decode(bytes));
    loaded.set(path, sound);
    sound.catch(() => loaded.delete(path));
  }
  return loaded.get(path);
}

/** All sounds of a trial, its reference first. */
export const soundsOf = ({ reference, sounds }) => (reference ? [reference, ...sounds] : sounds);

/** Load what is played next, one sound after the other, and forget the sounds of all but these trials. */
export async function loadAhead(steps, current, next) {
  const trials = [current, ...(next ? [next] : [])];
  const kept = new Set(trials.flatMap((trial) => soundsOf(trial).map(({ id }) => address(steps, trial.id, id))));
  for (const path of loaded.keys()) if (!kept.has(path)) loaded.delete(path);
  try {
    for (const { id } of next ? soundsOf(next) : []) await load(steps, next.id, id);
  } catch { /* loaded again when it is played */ }
}
