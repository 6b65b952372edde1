// What is to be trained: the photos, what to start from, how long. It lives in the page and, so
// that a reload loses nothing, in the tab's session storage.

import { on, tell } from "./store.js";
import { remembered } from "./train-numbers.js";
import { training } from "./training-store.js";

/** @import { Check, Plan, Start, TrainingWish } from "./types.d.ts" */

const SESSION = "atelier-plan";
/** @type {Plan} */
const EMPTY = {
  photos: null, // {data, name, count, refused}: an upload or a sample set, once it is complete
  uploading: false,
  check: null, // the studio's answer about the photos; asked for again after a reload
  refusal: "", // why the photos could not be checked
  fit: "auto",
  ticks: {}, // name of an odd photo -> whether to leave it out, where a person has decided
  start: null, // name of a checkpoint, "" for nothing, null while nobody has chosen
  length: "good",
  title: "",
  advanced: {}, // only what differs from the defaults
  where: "here",
  flavor: "",
};
/** @type {Plan} */
export const plan = { ...EMPTY, ...remembered(SESSION) };

/**
 * Change parts of the plan and tell everybody.
 * @param {Partial<Plan>} changes
 */
export function setPlan(changes) {
  Object.assign(plan, changes);
  const { check, refusal, ...kept } = plan;
  sessionStorage.setItem(SESSION, JSON.stringify(kept));
  tell("plan", plan);
}

/**
 * Call `listener` with the plan whenever it or what the studio offers changes.
 * @param {(plan: Plan) => void} listener
 */
export function onPlan(listener) {
  const hear = () => {
    if (training.home?.allowed === "yes") listener(plan);
  };
  on("plan", hear);
  on("training-home", hear);
}

/**
 * The plan without photos; what else was chosen stays.
 * @returns {Partial<Plan>}
 */
export function withoutPhotos() {
  return { photos: null, uploading: false, check: null, refusal: "", fit: "auto", ticks: {} };
}

/**
 * The name of the checkpoint to start from, "" for nothing.
 * @returns {string}
 */
export function startName() {
  const { starts = [] } = training.home ?? {};
  /** @param {string} name */
  const offered = (name) => name === "" || starts.some((each) => each.name === name);
  const wishes = [plan.start, plan.check?.suggested_start, starts[0]?.name];
  return wishes.find((each) => each != null && offered(each)) ?? "";
}

/** @returns {Start | undefined} */
export function startOf(name = startName()) {
  return training.home?.starts?.find((each) => each.name === name);
}

export function recipeName() {
  return plan.advanced.recipe ?? "";
}

/**
 * How many photos are left without the copies.
 * @param {Check} check
 */
export function usable({ images, leave_out }) {
  return images - leave_out.length;
}

/** @type {(name: string, check: Check) => boolean} */
export function leftOut(name, check) {
  return plan.ticks[name] ?? check.leave_out.includes(name);
}

/**
 * The names of all photos to leave out.
 * @param {Check} check
 */
export function leaveOut(check) {
  const names = new Set([...check.leave_out, ...check.odd.map(([name]) => name)]);
  return [...names].filter((name) => leftOut(name, check));
}

/** The photos, where there must be some. */
export function chosenPhotos() {
  if (!plan.photos) throw new Error("Choose photos first.");
  return plan.photos;
}

/**
 * What the start of a run needs to know, as `training_start` takes it.
 * @returns {TrainingWish}
 */
export function wish() {
  const { check } = plan;
  const photos = chosenPhotos();
  if (!check) throw new Error("Your photos are being looked at.");
  return {
    data: photos.data,
    title: plan.title.trim() || photos.name,
    start_from: startName(),
    length: plan.length,
    fit: plan.fit === "auto" ? check.fit : plan.fit,
    leave_out: leaveOut(check),
    advanced: plan.advanced,
    where: plan.where,
    flavor: plan.where === "here" ? "" : plan.flavor,
  };
}
