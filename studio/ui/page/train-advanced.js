// Everything else a training can be told, each with one line of help. Only what was changed is sent.

import { call } from "./api.js";
import { make, partsOf } from "./elements.js";
import { messageOf, notice } from "./notice.js";
import { chosenLength } from "./train-length.js";
import { onPlan, plan, recipeName, setPlan, startName, usable } from "./train-plan.js";
import { openHome } from "./training-store.js";

/** @import { Defaults, Setting } from "./types.d.ts" */
/** @typedef {HTMLSelectElement | HTMLInputElement} Field */
/** @typedef {Pick<Defaults, "help" | "choices"> & { byTeachers: Defaults["by_teachers"] } & { values: Record<string, Setting> }} Known */

// In this order; a field that is not here comes last, under its own name.
/** @type {Record<string, string>} */
const LABELS = {
  recipe: "Recipe",
  teachers: "Learns from",
  kimg: "Length (kimg)",
  batch: "Batch",
  learning_rate: "Learning rate",
  augment: "Augmentation",
  freeze: "Frozen layers",
  ema_kimg: "EMA half-life (kimg)",
  seed: "Seed",
  save_minutes: "Save every (min)",
  precision: "Precision",
  device: "Device",
};
/** @type {HTMLElement} */
let panel;
/** @type {HTMLElement} */
let opener;
/** @type {HTMLElement} */
let reset;
/** @type {Known | null} */
let defaults = null;
let asked = "";
let ownRecipe = ""; // the one that is taken when nobody picks another

/** @param {HTMLElement} element */
export function mountAdvanced(element) {
  const part = partsOf(element);
  panel = part("train-advanced");
  opener = part("open-advanced");
  reset = part("advanced-reset");
  opener.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    opener.setAttribute("aria-expanded", String(!panel.hidden));
    arrange();
  });
  reset.addEventListener("click", () => {
    setPlan({ advanced: {} });
    opener.focus();
  });
  onPlan(arrange);
}

function arrange() {
  const changed = Object.keys(plan.advanced).length;
  reset.hidden = !changed;
  reset.textContent = changed === 1 ? "Reset 1 change" : `Reset ${changed} changes`;
  if (panel.hidden) return;
  const images = plan.check ? usable(plan.check) : plan.photos?.count ?? 0;
  const question = JSON.stringify([recipeName(), startName(), images]);
  if (question !== asked) ask(question);
  else if (defaults) show(defaults); // else the first ones are on their way
}

/** @param {string} question */
async function ask(question) {
  asked = question;
  panel.setAttribute("aria-busy", "true");
  if (!defaults) panel.replaceChildren(make("p", "at-hint", "Loading…"));
  try {
    /** @type {[recipe: string, start: string, images: number]} */
    const parts = JSON.parse(question);
    const { help, choices, by_teachers: byTeachers, ...values } = await call("training_defaults", ...parts);
    if (asked !== question) return;
    defaults = { help, choices, byTeachers, values };
    if (!recipeName()) ownRecipe = values.recipe;
    show(defaults);
  } catch (error) {
    if (asked !== question) return;
    asked = "";
    if (!defaults) panel.replaceChildren(make("p", "at-hint", messageOf(error)));
    else notice(messageOf(error));
  } finally {
    if (asked === question || !asked) panel.removeAttribute("aria-busy");
  }
}

/** @param {Known} known */
function show(known) {
  const { help, choices, values } = known;
  const names = [...new Set([...Object.keys(LABELS), ...Object.keys(values)])]
    .filter((name) => name in values);
  const key = JSON.stringify([names, choices, help, openHome().recipes]);
  if (panel.dataset.key !== key) {
    panel.dataset.key = key;
    panel.replaceChildren(...names.map((name) => row(name, known)));
  }
  for (const each of /** @type {Iterable<HTMLElement>} */ (panel.children)) {
    const { name = "" } = each.dataset;
    const field = /** @type {Field} */ (each.querySelector("select, input"));
    const value = String(plan.advanced[name] ?? defaultOf(name) ?? "");
    // What somebody is typing is theirs until they leave the field.
    if (field !== document.activeElement || field.matches("select")) field.value = value;
    each.classList.toggle("at-changed", name in plan.advanced);
  }
}

/** @type {(name: string) => Setting | undefined} */
function defaultOf(name) {
  if (name === "recipe" && ownRecipe) return ownRecipe;
  const taught = defaults?.byTeachers[plan.advanced.teachers ?? ""]?.[name];
  return (name === "kimg" && chosenLength()?.kimg) || (taught ?? defaults?.values[name]);
}

/** @type {(name: string, known: Known) => HTMLElement} */
function row(name, { help: helps, choices, values }) {
  const options = name === "recipe" ? recipes() : choices[name];
  const field = options ? select(options) : input(values[name]);
  field.id = `at-advanced-${name}`;
  field.setAttribute("aria-describedby", `${field.id}-help`);
  field.addEventListener("change", () => change(name, field));
  const label = make("label", "at-field", make("span", "at-label", LABELS[name] ?? name), field);
  const help = make("p", "at-hint", helps[name] ?? "");
  help.id = `${field.id}-help`;
  const result = make("div", "at-advanced-row", label, help);
  result.dataset.name = name;
  return result;
}

/** @returns {[value: string, label: string][]} */
function recipes() {
  return openHome().recipes.map(({ name, title }) => [name, title]);
}

/** @param {[value: string, label: string][]} options */
function select(options) {
  const result = document.createElement("select");
  result.append(...options.map(([value, label]) => new Option(label, value)));
  return result;
}

/** @param {Setting} value */
function input(value) {
  const result = document.createElement("input");
  if (typeof value === "number") Object.assign(result, { type: "number", step: "any", min: 0 });
  else result.type = "text";
  return result;
}

/**
 * Take what was typed or picked; an empty or impossible value gives the default back.
 * @type {(name: string, field: Field) => void}
 */
function change(name, field) {
  const { [name]: before, ...others } = plan.advanced;
  const standard = defaultOf(name);
  const number = typeof standard === "number";
  const value = number ? Number(field.value) : field.value;
  const valid = number ? field.value !== "" && field.validity.valid : true;
  if (!valid) notice(`${LABELS[name] ?? name} is a number from 0 up.`);
  const changed = valid && value !== standard;
  setPlan({ advanced: changed ? { ...others, [name]: value } : others });
  field.value = String(changed ? value : standard);
}
