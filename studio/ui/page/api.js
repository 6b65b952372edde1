// Calls to the studio's API. Every failure is an Error whose message is a sentence for a person; a
// Refusal tells an answer from no answer.

/** @import { Endpoints, ServedFile, UploadedFile } from "./types.d.ts" */

const root = window.gradio_config.root;
const UNREACHABLE = "The studio does not answer. Check that it is still running, then try again.";
const UNKNOWN = "Something went wrong. Try again; if it happens again, look at what the studio printed.";
const NOT_DRAWN = "Something went wrong while drawing this. Try another design.";
const UNDRAWN = /^(upload$|run[/]training_)/; // paths of what has nothing to do with a design
const KEPT_TO_SAVE = 60_000; // ms until a saved file's copy is dropped from memory
const PASSWORD = "atelier-training-password"; // in the tab's session storage

/** What the studio answers to a wish that it can't or won't fulfil. */
export class Refusal extends Error {}

/** @type {(path: string, options: RequestInit) => Promise<any>} */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(`${root}/gradio_api/${path}`, { method: "POST", ...options });
  } catch {
    throw new Error(UNREACHABLE);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const unknown = UNDRAWN.test(path) ? UNKNOWN : NOT_DRAWN;
    throw new Refusal(answer.error || unknown);
  }
  return answer;
}

/**
 * Call the endpoint `name`; Gradio fills in no defaults, so all arguments are needed.
 * @template {keyof Endpoints} Name
 * @param {Name} name
 * @param {Parameters<Endpoints[Name]>} data
 * @returns {Promise<ReturnType<Endpoints[Name]>>}
 */
export async function call(name, ...data) {
  const answer = await ask(`run/${name}`, {
    headers: { "Content-Type": "application/json", ...passwordHeader() },
    body: JSON.stringify({ data }),
  });
  return answer.data[0];
}

let password = remembered();

function remembered() {
  try {
    return sessionStorage.getItem(PASSWORD) ?? "";
  } catch {
    return ""; // a browser that blocks storage, as in a page within a page
  }
}

/**
 * Send `text` with every call from now on, for studios that train only with a password.
 * @param {string} text
 */
export function usePassword(text) {
  password = text;
  try {
    sessionStorage.setItem(PASSWORD, text);
  } catch {
    // Then it is asked for again after a reload.
  }
}

/**
 * What tells the studio the password, for requests that are not made here.
 * @returns {Record<string, string>}
 */
export function passwordHeader() {
  // A header holds no letters beyond Latin-1, so the password travels percent-encoded.
  return password ? { "x-atelier-training": encodeURIComponent(password) } : {};
}

/**
 * Upload a File; the result can be given to an endpoint that takes a file.
 * @type {(file: File) => Promise<UploadedFile>}
 */
export async function upload(file) {
  const form = new FormData();
  form.append("files", file);
  const [path] = await ask("upload", { body: form });
  return { path, meta: { _type: "gradio.FileData" } };
}

/**
 * Have the browser save a file that an endpoint returned, as `name`.
 * @type {(file: ServedFile, name: string) => Promise<void>}
 */
export async function save(file, name) {
  const address = file.url ?? `${root}/gradio_api/file=${file.path}`;
  // Fetched first: Gradio names what it serves, and its name would win over this one.
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) throw new Error(response ? UNKNOWN : UNREACHABLE);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_TO_SAVE);
}

/** @param {string} generator */
export function previewUrl(generator) {
  return `${root}/studio-page/preview/${encodeURIComponent(generator)}`;
}
