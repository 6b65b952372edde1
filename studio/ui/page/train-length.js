// 3 · How long: three choices, with the time that each takes on this machine once it is measured.

import { call } from "./api.js";
import { partsOf, segments } from "./elements.js";
import { messageOf } from "./notice.js";
import { onPlan, plan, recipeName, setPlan, startName, usable } from "./train-plan.js";
import { duration } from "./train-words.js";

/** @import { Times } from "./types.d.ts" */

const CHOICES = [
  { name: "quick", title: "Quick look" }, { name: "good", title: "Good" }, { name: "best", title: "Best" },
];
const LATER = "The time each takes here is measured once the photos are there.";
const MEASURING = "Measuring this machine…";
/** @type {Times | null} the answer of `training_times`, or what stands in for it */
let times = null;
let asked = "";

/** @param {HTMLElement} element */
export function mountLength(element) {
  const part = partsOf(element);
  const [box, why] = [part("lengths"), part("length-why")];
  onPlan(() => {
    const question = plan.check?.usable
      ? JSON.stringify([recipeName(), startName(), usable(plan.check)]) : "";
    if (question !== asked) measure(question);
    show(box, why);
  });
}

/** The choice that is made, with what is known of it. */
export function chosenLength() {
  return times?.choices.find(({ name }) => name === plan.length);
}

/** @param {string} question */
async function measure(question) {
  asked = question;
  times = null;
  if (!question) return;
  /** @type {Times} */
  let answer;
  try {
    /** @type {[recipe: string, start: string, images: number]} */
    const parts = JSON.parse(question);
    answer = await call("training_times", ...parts);
  } catch (error) {
    answer = { choices: CHOICES, sentence: `The time could not be measured. ${messageOf(error)}` };
  }
  if (asked !== question) return;
  times = answer;
  setPlan({});
}

/** @type {(box: HTMLElement, why: HTMLElement) => void} */
function show(box, why) {
  const pending = asked ? "…" : "–";
  /** @type {Times["choices"]} */
  const known = times?.choices ?? CHOICES;
  const choices = known.map(({ name, title, seconds }) => ({
    value: name, title, small: times ? expected(seconds) : pending,
  }));
  segments(box, "at-length", choices, plan.length, (length) => {
    // The length that was typed under Advanced gives way to the newer wish.
    const { kimg, ...advanced } = plan.advanced;
    setPlan({ length, advanced });
  });
  const sentence = words();
  if (why.textContent !== sentence) why.textContent = sentence;
}

function words() {
  const { kimg } = plan.advanced;
  const rate = times?.images_per_second;
  const own = kimg && `Under Advanced you set ${kimg.toLocaleString("en")} thousand images${
    rate ? `: ${expected((kimg * 1000) / rate)}` : ""}.`;
  const measured = times ? times.sentence : asked ? MEASURING : LATER;
  return [own || chosenLength()?.sentence, measured].filter(Boolean).join(" ");
}

/**
 * An expected time, no more exact than it can be known.
 * @param {number | null | undefined} seconds
 */
function expected(seconds) {
  if (seconds == null) return "not measured";
  if (seconds < 45) return "under a minute";
  if (seconds < 90) return "about 1 min";
  const grain = [60, 300, 1800, 3600][[600, 3600, 36_000].filter((limit) => seconds >= limit).length];
  return `about ${duration(Math.max(grain, grain * Math.round(seconds / grain)))}`;
}
