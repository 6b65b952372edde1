// 1 · My photos: choosing, sending, and having them checked.

import { call } from "./api.js";
import { button } from "./elements.js";
import { attempt, notice } from "./notice.js";
import { showCheck, showChecking, showRefusal } from "./train-check.js";
import { onPlan, plan, recipeName, setPlan, startOf, withoutPhotos } from "./train-plan.js";
import {
  bytesOf, chosen, dropped, named, pictures, send, size, tooMuch,
} from "./train-upload.js";
import { training } from "./training-store.js";

const NOTHING = "There are no photos in this. JPEG, PNG and WebP can be read, and zips of them.";
const ALONE = "A zip goes alone. Send one at a time, or unpack them and send the photos together.";
const BUSY = "Photos are still on their way. Cancel that first.";
let part;
// What is being sent, or null: {name, all, photos: those to send now, data, refused, failed, abort}.
let sending = null;

export function mountPhotos(element) {
  part = (name) => element.querySelector(`.at-${name}`);
  for (const kind of ["photos", "folder", "zip"]) {
    const input = part(`input-${kind}`);
    part(`choose-${kind}`).addEventListener("click", () => input.click());
    input.addEventListener("change", () => attempt(() => take(chosen(input))));
  }
  part("send-cancel").addEventListener("click", cancel);
  part("send-again").addEventListener("click", () => attempt(sendOn));
  part("send-without").addEventListener("click", arrived);
  addEventListener("beforeunload", (event) => sending && event.preventDefault());
  acceptDrops(element);
  onPlan(arrange);
  if (plan.uploading) {
    setPlan({ uploading: false });
    notice("The page was reloaded while photos were on their way. Choose them again.");
  }
}

/** Which of its faces the card shows; and a check where one is missing. */
function arrange() {
  part("drop").hidden = Boolean(sending || plan.photos);
  part("sending").hidden = !sending;
  part("checked").hidden = Boolean(sending) || !plan.photos;
  arrangeSamples();
  if (!plan.photos) asked = null;
  else if (question() !== asked) check();
}

function arrangeSamples() {
  const sets = training.home.sample_sets;
  part("samples").hidden = !sets.length;
  const chips = part("sample-chips");
  if (chips.childElementCount === sets.length) return;
  chips.replaceChildren(...sets.map(({ name, title, images }) =>
    button(title, "at-chip", () => {
      setPlan({
        ...withoutPhotos(),
        photos: { data: `sample:${name}`, name: title, count: images, refused: [] },
      });
      part("other-photos").focus();
    })));
}

function acceptDrops(element) {
  const ours = (event) => event.dataTransfer?.types.includes("Files")
    && part("photos").checkVisibility();
  const mark = (on) => element.firstElementChild.classList.toggle("at-dragging", on);
  const listen = (name, listener) => document.addEventListener(name, listener, { capture: true });
  listen("dragover", (event) => {
    if (!ours(event)) return;
    event.preventDefault();
    mark(true);
  });
  listen("dragleave", (event) => event.relatedTarget || mark(false));
  listen("drop", (event) => {
    mark(false);
    if (!ours(event)) return;
    event.preventDefault();
    attempt(async () => take(await dropped(event.dataTransfer)));
  });
}

async function take(found) {
  if (!found.length) return;
  if (sending) return notice(BUSY);
  const { taken, zips } = pictures(found);
  const excess = taken.length ? tooMuch(taken, training.home) : zips.length ? ALONE : NOTHING;
  if (excess) return notice(excess);
  if (zips.length) notice(`Left out, because a zip goes alone: ${zips.map(({ name }) => name).join(", ")}.`);
  const { name, photos } = named(taken);
  sending = { name, photos, all: photos, refused: [] };
  await sendOn();
}

/** Send what has not been sent, and have it checked when all of it is there. */
async function sendOn() {
  const now = sending;
  now.abort = new AbortController();
  const { signal } = now.abort;
  now.failed = [];
  setPlan({ uploading: true });
  part("sending-name").textContent = now.name;
  showFailure();
  const sent = now.all.length - now.photos.length;
  const sentBytes = bytesOf(now.all) - bytesOf(now.photos);
  const onProgress = ({ files, bytes }) =>
    signal.aborted || showProgress(sent + files, sentBytes + bytes);
  onProgress({ files: 0, bytes: 0 });
  if (part("photo-card").contains(document.activeElement)) part("send-cancel").focus();
  try {
    now.data ??= (await call("training_new_upload")).data;
    const { failed, refused, reason } = await send(now.photos, { data: now.data, signal, onProgress });
    now.refused.push(...refused);
    if (!failed.length) return arrived();
    now.photos = now.failed = failed;
    showFailure(reason);
  } catch (error) {
    if (signal.aborted) return;
    now.failed = now.photos;
    showFailure(error.message);
  }
}

function showProgress(files, bytes) {
  const { all } = sending;
  const total = bytesOf(all);
  part("bar").value = total ? bytes / total : 0;
  const amount = `${size(bytes)} of ${size(total)}`;
  part("sending-words").textContent = all.length > 1
    ? `${files.toLocaleString("en")} of ${all.length.toLocaleString("en")} photos · ${amount}`
    : amount;
  const quarters = Math.floor(4 * part("bar").value);
  if (quarters !== sending.quarters) say(`Sending ${sending.name}: ${25 * quarters} percent.`);
  sending.quarters = quarters;
}

/** Which photos did not get there, if any, and what can be done about it. */
function showFailure(reason) {
  const { failed, all } = sending;
  for (const name of ["send-again", "send-without"]) part(name).hidden = !failed.length;
  part("send-without").hidden ||= failed.length === all.length;
  part("sending").classList.toggle("at-failed", Boolean(failed.length));
  if (!failed.length) return;
  const names = failed.slice(0, 3).map(({ name }) => name).join(", ");
  const more = failed.length > 3 ? ` and ${failed.length - 3} more` : "";
  part("sending-words").textContent = `${reason} Not sent: ${names}${more}.`;
  say(part("sending-words").textContent);
  part("send-again").focus();
}

function cancel() {
  sending.abort.abort();
  sending = null;
  setPlan({ uploading: false });
  say("Cancelled.");
  (part("other-photos")?.checkVisibility() ? part("other-photos") : part("choose-photos")).focus();
}

/** What was sent is the photos now; those before it can be had back. */
function arrived() {
  const { name, data, refused, all, failed } = sending;
  const { photos, check, fit, ticks } = plan;
  sending = null;
  setPlan({ ...withoutPhotos(), photos: { data, name, count: all.length - failed.length, refused } });
  if (photos) goBack("These photos take the place of the others.", { photos, check, fit, ticks });
}

function other() {
  const { photos, check, fit, ticks } = plan;
  setPlan(withoutPhotos());
  goBack(`${photos.name} was put aside.`, { photos, check, fit, ticks });
  part("choose-photos").focus();
}

function goBack(sentence, before) {
  notice(sentence, { label: "Undo", run: () => sending || setPlan({ ...before, check: null }) });
}

// What the last check was asked about. Another start is another question only when its size or
// colours are others, so that the pictures will look different, or what it is told of them is.
let asked = null;

function question() {
  const start = startOf();
  // Of what one starts from, this is all that the answer depends on.
  const seen = start && [start.size, start.channels, start.conditional, start.worded];
  return JSON.stringify([plan.photos.data, plan.fit, recipeName(), seen]);
}

async function check() {
  const { photos } = plan;
  const box = part("checked");
  const now = (asked = question());
  const actions = { other, again: check, fit: (fit) => setPlan({ fit }), tick };
  showChecking(box, photos, Boolean(plan.check), actions);
  say(`Looking at ${photos.name}.`);
  try {
    const answer = await call("training_check", photos.data, recipeName(), plan.start ?? "", plan.fit);
    if (now !== asked) return;
    plan.check = answer;
    asked = question(); // the start that the answer suggests is no new question
    showCheck(box, photos, answer, actions);
    setPlan({ refusal: "" });
    say(answer.sentences.map(({ text }) => text).join(" "));
  } catch (error) {
    if (now !== asked) return;
    if (plan.check) {
      notice(error.message);
      plan.fit = plan.check.fit;
      asked = question();
      showCheck(box, photos, plan.check, actions);
    } else {
      showRefusal(box, photos, error, actions);
      setPlan({ refusal: error.message });
      say(error.message);
    }
  }
}

function tick(name, checked) {
  setPlan({ ticks: { ...plan.ticks, [name]: checked } });
}

function say(sentence) {
  part("photos-said").textContent = sentence;
}
