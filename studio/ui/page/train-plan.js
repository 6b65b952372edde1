// What is to be trained: the photos, what to start from, how long. It lives in the page and, so
// that a reload loses nothing, in the tab's session storage.

import { on, tell } from "./store.js";
import { training } from "./training-store.js";

const SESSION = "atelier-plan";
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
export const plan = { ...EMPTY, ...stored() };

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(SESSION)) ?? {};
  } catch {
    return {};
  }
}

/** Change parts of the plan and tell everybody. */
export function setPlan(changes) {
  Object.assign(plan, changes);
  const { check, refusal, ...kept } = plan;
  sessionStorage.setItem(SESSION, JSON.stringify(kept));
  tell("plan", plan);
}

/** Call `listener` with the plan whenever it or what the studio offers changes. */
export function onPlan(listener) {
  const tell = () => training.home?.allowed === "yes" && listener(plan);
  on("plan", tell);
  on("training-home", tell);
}

/** The plan without photos; what else was chosen stays. */
export function withoutPhotos() {
  return { photos: null, uploading: false, check: null, refusal: "", fit: "auto", ticks: {} };
}

/** The name of the checkpoint to start from, "" for nothing. */
export function startName() {
  const { starts = [] } = training.home ?? {};
  const offered = (name) => name === "" || starts.some((each) => each.name === name);
  const wishes = [plan.start, plan.check?.suggested_start, starts[0]?.name];
  return wishes.find((each) => each != null && offered(each)) ?? "";
}

export function startOf(name = startName()) {
  return training.home?.starts.find((each) => each.name === name);
}

export function recipeName() {
  return plan.advanced.recipe ?? "";
}

/** How many photos are left without the copies. */
export function usable({ images, leave_out }) {
  return images - leave_out.length;
}

export function leftOut(name) {
  return plan.ticks[name] ?? plan.check.leave_out.includes(name);
}

/** The names of all photos to leave out. */
export function leaveOut() {
  const { leave_out, odd } = plan.check;
  return [...new Set([...leave_out, ...odd.map(([name]) => name)])].filter(leftOut);
}

/** What the start of a run needs to know, as `training_start` takes it. */
export function wish() {
  return {
    data: plan.photos.data,
    title: plan.title.trim() || plan.photos.name,
    start_from: startName(),
    length: plan.length,
    fit: plan.fit === "auto" ? plan.check.fit : plan.fit,
    leave_out: leaveOut(),
    advanced: plan.advanced,
    where: plan.where,
    flavor: plan.where === "here" ? "" : plan.flavor,
  };
}
