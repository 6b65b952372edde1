// What a training says in words: times, amounts, and how it is going.

import { isNumber } from "./train-numbers.js";

/** @import { Run, Tone } from "./types.d.ts" */
/** @typedef {number | null | undefined} Amount what may not be known */
/** @typedef {{ tone: Tone, title: string, sentence: string }} Words */

const IN_PICKER = "It is among the generators of Explore, for good.";
const ORDINALS = ["Next", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth"];

/**
 * Seconds as people say them: "40 s", "12 min", "3 h 20 min", "2 days 4 h".
 * @param {Amount} seconds
 */
export function duration(seconds) {
  if (!isNumber(seconds) || seconds < 0) return "";
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10) return `${hours} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  const whole = Math.round(minutes / 60);
  if (whole < 48) return `${whole} h`;
  return `${Math.floor(whole / 24)} days${whole % 24 ? ` ${whole % 24} h` : ""}`;
}

/**
 * An estimate of what is left, which should not be read as exact: "about" is in its rounding.
 * @param {Amount} seconds
 */
export function remaining(seconds) {
  if (!isNumber(seconds) || seconds < 0) return "";
  if (seconds < 10) return "a moment";
  if (seconds < 99.5) return `${Math.round(seconds / 10) * 10} s`;
  return duration(seconds);
}

/**
 * When something was, seen from `now`; both in unix seconds.
 * @type {(then: number, now?: number) => string}
 */
export function ago(then, now = Date.now() / 1000) {
  const past = now - then;
  if (past < 60) return "just now";
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  const [day, today] = [new Date(then * 1000), new Date(now * 1000)];
  const midnight = (/** @type {Date} */ date) =>
    new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const days = Math.round((midnight(today) - midnight(day)) / 86_400_000);
  if (days === 0) return `${Math.floor(past / 3600)} h ago`;
  if (days === 1) return "yesterday";
  if (days < 7) return day.toLocaleDateString("en", { weekday: "long" });
  const year = day.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return day.toLocaleDateString("en", { day: "numeric", month: "short", year });
}

/**
 * A count in few signs: "12,400", "412 k", "1.24 M".
 * @param {Amount} count
 */
export function amount(count) {
  if (!isNumber(count)) return "";
  if (count < 99_950) return Math.round(count).toLocaleString("en");
  if (count < 999_500) return `${Math.round(count / 1000)} k`;
  return `${(count / 1e6).toPrecision(3)} M`;
}

/**
 * A measured number in about three digits: "0.034", "1.24", "14.2", "1,940".
 * @param {Amount} value
 */
export function number(value) {
  if (!isNumber(value)) return "";
  const size = Math.abs(value);
  const digits = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {Amount} count */
export function bytes(count) {
  if (!isNumber(count)) return "";
  return count < 1e9 ? `${Math.round(count / 1e6)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

/**
 * "photos" and its number.
 * @param {number} count
 */
export function photos(count) {
  return `${count.toLocaleString("en")} ${count === 1 ? "photo" : "photos"}`;
}

/** @type {Record<string, Tone>} */
const TONES = {
  learning: "good", stalled: "note", copying: "warning", overfitting: "warning", collapsing: "bad",
  broken: "bad",
};
const SERIOUS = new Set(["warning", "bad"]);

/**
 * How a run is going: {tone: good|note|warning|bad, title, sentence}; the tone colours an edge.
 * @type {(run: Run) => Words}
 */
export function going(run) {
  const { state, sentence = "", position, has_checkpoint, status = {} } = run;
  /** @type {(tone: Tone, title: string) => Words} */
  const said = (tone, title) => ({ tone, title, sentence });
  if (state === "failed") return said("bad", "Something went wrong.");
  if (state === "interrupted") return said("warning", "Interrupted.");
  if (state === "waiting" && position) return said("note", `${place(position)} in the queue.`);
  const health = healthOf(status);
  if (state === "training") {
    return health ?? { tone: "note", title: "Just started.", sentence: "The first words on its health come soon." };
  }
  const end = parted(sentence || `${state[0].toUpperCase()}${state.slice(1)}.`);
  if (state !== "finished") return { tone: "note", ...end };
  if (health && SERIOUS.has(health.tone)) return { ...health, title: `${end.title} ${health.title}` };
  return { tone: "good", ...end, sentence: end.sentence || (has_checkpoint ? IN_PICKER : "") };
}

/** @type {(status: Run["status"]) => Words | null} */
function healthOf({ health }) {
  if (!health?.title) return null;
  const { verdict, title, sentence } = health;
  return { tone: TONES[verdict] ?? "note", title, sentence };
}

/**
 * The first sentence as a title, and the rest.
 * @param {string} text
 */
function parted(text) {
  const [, title, sentence] = text.match(/^(.+?[.!?])\s+(.+)$/s) ?? [text, text, ""];
  return { title, sentence };
}

/**
 * The place in the queue, 1 for the next.
 * @param {number} position
 */
export function place(position) {
  return ORDINALS[position - 1] ?? `Number ${position}`;
}

/**
 * One line about a run for the list.
 * @type {(run: Run, now?: number) => string}
 */
export function line(run, now) {
  const { state, status = {}, position, images } = run;
  const when = (/** @type {string} */ word) => {
    const then = status.updated_at ?? run.created_at;
    return then ? `${word} ${ago(then, now)}` : word;
  };
  const left = remaining(status.seconds_left);
  const doing = {
    waiting: () => (position ? `${place(position).toLowerCase()} in the queue` : "waiting"),
    preparing: () => "getting ready",
    training: () => (left ? `training · ${left} left` : "training"),
    finishing: () => "finishing",
    finished: () => when("finished"),
    stopped: () => when("stopped"),
    failed: () => when("failed"),
    interrupted: () => when("interrupted"),
  }[state] ?? (() => state);
  return [doing(), images && photos(images)].filter(Boolean).join(" · ");
}
