// Everything else a training can be told, each with one line of help. Only what was changed is sent.

import { call } from "./api.js";
import { make } from "./elements.js";
import { notice } from "./notice.js";
import { chosenLength } from "./train-length.js";
import { onPlan, plan, recipeName, setPlan, startName, usable } from "./train-plan.js";
import { training } from "./training-store.js";

// In this order; a field that is not here comes last, under its own name.
const LABELS = {
  recipe: "Recipe",
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
let panel, opener, reset;
let defaults = null;
let asked = null;
let ownRecipe = ""; // the one that is taken when nobody picks another

export function mountAdvanced(element) {
  panel = element.querySelector(".at-train-advanced");
  opener = element.querySelector(".at-open-advanced");
  reset = element.querySelector(".at-advanced-reset");
  opener.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    opener.setAttribute("aria-expanded", !panel.hidden);
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
  if (question === asked) show();
  else ask(question);
}

async function ask(question) {
  asked = question;
  panel.setAttribute("aria-busy", "true");
  if (!defaults) panel.replaceChildren(make("p", "at-hint", "Loading…"));
  try {
    const answer = await call("training_defaults", ...JSON.parse(question));
    if (asked !== question) return;
    defaults = answer;
    if (!recipeName()) ownRecipe = answer.recipe;
    show();
  } catch (error) {
    if (asked !== question) return;
    asked = null;
    if (!defaults) panel.replaceChildren(make("p", "at-hint", error.message));
    else notice(error.message);
  } finally {
    if (asked === question || !asked) panel.removeAttribute("aria-busy");
  }
}

function show() {
  const { help, choices, ...values } = defaults;
  const names = [...new Set([...Object.keys(LABELS), ...Object.keys(values)])]
    .filter((name) => name in values);
  const key = JSON.stringify([names, choices, help, training.home.recipes]);
  if (panel.dataset.key !== key) {
    panel.dataset.key = key;
    panel.replaceChildren(...names.map(row));
  }
  for (const each of panel.children) {
    const { name } = each.dataset;
    const field = each.querySelector("select, input");
    const value = String(plan.advanced[name] ?? defaultOf(name) ?? "");
    // What somebody is typing is theirs until they leave the field.
    if (field !== document.activeElement || field.matches("select")) field.value = value;
    each.classList.toggle("at-changed", name in plan.advanced);
  }
}

function defaultOf(name) {
  if (name === "recipe") return ownRecipe || defaults.recipe;
  return (name === "kimg" && chosenLength()?.kimg) || defaults[name];
}

function row(name) {
  const options = name === "recipe"
    ? training.home.recipes.map(({ name: value, title }) => [value, title]) : defaults.choices?.[name];
  const field = options ? select(options) : input(defaults[name]);
  field.id = `at-advanced-${name}`;
  field.setAttribute("aria-describedby", `${field.id}-help`);
  field.addEventListener("change", () => change(name, field));
  const label = make("label", "at-field", make("span", "at-label", LABELS[name] ?? name), field);
  const help = make("p", "at-hint", defaults.help?.[name] ?? "");
  help.id = `${field.id}-help`;
  const result = make("div", "at-advanced-row", label, help);
  result.dataset.name = name;
  return result;
}

function select(options) {
  const result = document.createElement("select");
  result.append(...options.map(([value, label]) => new Option(label, value)));
  return result;
}

function input(value) {
  const result = document.createElement("input");
  if (typeof value === "number") Object.assign(result, { type: "number", step: "any", min: 0 });
  else result.type = "text";
  return result;
}

/** Take what was typed or picked; an empty or impossible value gives the default back. */
function change(name, field) {
  const { [name]: before, ...others } = plan.advanced;
  const standard = defaultOf(name);
  const number = typeof standard === "number";
  const value = number ? Number(field.value) : field.value;
  const usable = number ? field.value !== "" && field.validity.valid : true;
  if (!usable) notice(`${LABELS[name] ?? name} is a number from 0 up.`);
  const changed = usable && value !== standard;
  setPlan({ advanced: changed ? { ...others, [name]: value } : others });
  field.value = String(changed ? value : standard);
}
