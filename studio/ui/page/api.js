// Calls to the studio's API. Every failure is an Error whose message is a sentence for a person.

const root = window.gradio_config.root;
const UNREACHABLE = "The studio does not answer. Check that it is still running, then try again.";
const UNKNOWN = "Something went wrong while drawing this. Try another design.";

async function ask(path, options) {
  let response;
  try {
    response = await fetch(`${root}/gradio_api/${path}`, { method: "POST", ...options });
  } catch {
    throw new Error(UNREACHABLE);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || UNKNOWN);
  return answer;
}

/** Call the endpoint `name`; Gradio fills in no defaults, so all arguments are needed. */
export async function call(name, ...data) {
  const answer = await ask(`run/${name}`, {
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data }),
  });
  return answer.data[0];
}

/** Upload a File; the result can be given to an endpoint that takes a file. */
export async function upload(file) {
  const form = new FormData();
  form.append("files", file);
  const [path] = await ask("upload", { body: form });
  return { path, meta: { _type: "gradio.FileData" } };
}

/** Have the browser save a file that an endpoint returned. */
export function save(file, name) {
  const link = document.createElement("a");
  link.href = file.url ?? `${root}/gradio_api/file=${file.path}`;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

export function previewUrl(generator) {
  return `${root}/studio-page/preview/${encodeURIComponent(generator)}`;
}
