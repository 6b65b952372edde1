// What the studio trains: the list of runs and the one that is watched. The page asks the studio
// now and then; nothing of a run lives here, so that any page shows it again.

import { Refusal, call } from "./api.js";
import { messageOf } from "./notice.js";
import { tell } from "./store.js";
import { remembered, thin } from "./train-numbers.js";

/** @import { Home, Run, Training } from "./types.d.ts" */

const SESSION = "atelier-run";
const SOON = 2000; // ms between two looks at a run that trains
const SELDOM = 10_000; // … when nobody sees it, or it has ended
const RARELY = 60_000; // … when both
const SLOWEST = 6000; // … when the studio does not answer
const HOME = 15_000; // ms after which the list of runs is asked for again
const MOST_POINTS = 2400; // of a curve, before every other is left out
const ACTIVE = new Set(["waiting", "preparing", "training", "finishing"]);

/** @type {Training} */
export const training = {
  home: null, // as training_home answers
  run: null, // the watched RUN, and what belongs to it:
  curve: [],
  looks: [],
  frames: [],
  known: false, // whether those have come yet
  silent: "", // why there is no news, if the studio does not answer
};

/**
 * Whether a run's process is, or should be, at work.
 * @param {Run | null} run
 */
export function isActive(run) {
  return run !== null && ACTIVE.has(run.state);
}

/** What the studio offers to those who may train, where this visitor is one of them. */
export function openHome() {
  const { home } = training;
  if (home?.allowed !== "yes") throw new Error(home?.sentence ?? "The studio has not answered yet.");
  return home;
}

/** @type {Promise<Home> | null} */
let asking = null;
/** @type {Promise<Home> | null} */
let askAgain = null;
/**
 * Ask for the list of runs; resolves when an answer is there that is newer than this call.
 * @returns {Promise<Home>}
 */
export function refreshHome() {
  if (asking) {
    askAgain ??= asking.catch(() => null).then(() => {
      askAgain = null;
      return refreshHome();
    });
    return askAgain;
  }
  asking = call("training_home").then(receiveHome).finally(() => (asking = null));
  return asking;
}

let homeAt = -Infinity;
/** @param {Home} home */
function receiveHome(home) {
  homeAt = performance.now();
  training.home = home;
  if (home.allowed !== "yes") {
    training.run = null;
    tell("training-home", home);
    tell("training-run", training);
    return home;
  }
  const watched = home.runs.find((each) => each.id === training.run?.id);
  if (watched && training.run) {
    training.run = { ...training.run, title: watched.title, position: watched.position };
    tell("training-home", home);
  } else {
    tell("training-home", home);
    watch(first(home.runs));
  }
  plan();
  return home;
}

/**
 * The run to show to someone who has not chosen: the last one watched, one at work, the newest.
 * @param {Run[]} runs
 */
function first(runs) {
  const last = remembered(SESSION);
  return runs.find((each) => each.id === last) ?? runs.find((each) => each.state === "training")
    ?? runs.find(isActive) ?? runs[0] ?? null;
}

/**
 * Watch the run `id` from now on; it may have been made a moment ago.
 * @param {string} id
 */
export async function watchRun(id) {
  sessionStorage.setItem(SESSION, JSON.stringify(id));
  const known = training.home?.runs?.find((each) => each.id === id);
  if (known) return watch(known);
  training.run = null; // the answer chooses it
  await refreshHome();
}

/** @param {Run | null} run */
function watch(run) {
  if (run?.id === training.run?.id && training.known) return;
  Object.assign(training, { run, curve: [], looks: [], frames: [], known: !run });
  tell("training-run", training);
  askNow();
}

/**
 * Take over a RUN that the studio answered with to a wish of this page.
 * @param {Run} run
 */
export function receiveRun(run) {
  if (training.home?.runs) {
    training.home.runs = training.home.runs.map((each) => (each.id === run.id ? run : each));
    tell("training-home", training.home);
  }
  if (run.id === training.run?.id) {
    training.run = run;
    tell("training-run", training);
  }
  askNow();
}

// Asking again and again ---------------------------------------------------------------------

/** @type {number | undefined} */
let timer;
let busy = false;
let hurry = false; // someone wants news at once, while an answer is under way
let failures = 0;
let shown = false;

/**
 * Told by the tab whether it can be seen.
 * @param {boolean} visible
 */
export function showTraining(visible) {
  if (visible && !shown) askNow();
  shown = visible;
}

document.addEventListener("visibilitychange", () => document.hidden || askNow());

function askNow() {
  hurry = true;
  plan();
}

function plan() {
  if (busy || training.home?.allowed !== "yes") return;
  clearTimeout(timer);
  timer = setTimeout(ask, hurry ? 0 : pace());
}

function pace() {
  if (failures) return Math.min(SLOWEST, SOON * 2 ** failures);
  const seen = shown && !document.hidden;
  if (isActive(training.run)) return seen ? SOON : SELDOM;
  return seen ? SELDOM : RARELY;
}

/** One look at the watched run; the next one is planned when the answer, or none, has come. */
async function ask() {
  busy = true;
  hurry = false;
  try {
    if (training.run) await look(training.run);
    if (performance.now() - homeAt > HOME) await refreshHome();
    hear("");
    failures = 0;
  } catch (error) {
    failures += 1;
    // A run that was deleted elsewhere is refused; the list says what there is.
    if (error instanceof Refusal) await refreshHome().catch(() => {});
    hear(messageOf(error));
  }
  busy = false;
  plan();
}

/** @param {string} silent */
function hear(silent) {
  if (training.silent === silent) return;
  training.silent = silent;
  tell("training-run", training);
}

/** @param {Run} before */
async function look(before) {
  const since = training.curve.at(-1)?.step ?? -1;
  const answer = await call("training_watch", before.id, since);
  if (training.run?.id !== before.id) return; // another run was chosen meanwhile
  const { run, curve, looks, frames } = answer;
  // A run that went back to its last save has forgotten what came after it.
  const [now, then] = [run.status.step, before.status.step];
  const wentBack = now !== undefined && (now ?? 0) < (then ?? 0);
  training.curve = wentBack ? [] : thin([...training.curve, ...curve], MOST_POINTS);
  Object.assign(training, { run, looks, frames, known: true });
  tell("training-run", training);
  if (wentBack) askNow();
  if (run.state !== before.state) {
    tell("training-state", { run, before: before.state });
    await refreshHome();
  }
}
