// The shapes that parts of the page share, for `npm run check`; nothing of this is loaded. What the
// studio answers with is made in studio/ui/api.py and train/page/service.py, by the same names.

declare global {
  interface Window { gradio_config: { root: string } }
  // What not every browser has, or has any more.
  interface Navigator { readonly connection?: { readonly saveData?: boolean } }
  interface GPUAdapter { readonly isFallbackAdapter?: boolean }
}

// Designs ------------------------------------------------------------------------------------------

/** A slider that is away from its middle: its index, and how far in standard deviations. */
export type Offset = [index: number, steps: number];
export type SliderKind = "directions" | "dimensions";

/** As studio/design.py has it. What is at its default may be missing. */
export interface Design {
  generator: string; seed: number; truncation?: number; directions?: Offset[];
  dimensions?: Offset[]; variations?: [seed: number, amount: number][];
  /** Two parents, how far the blend is, and how far its surface is where that differs. */
  blend?: [first: Design, second: Design, amount: number, surface?: number];
  label?: number; text?: string; guidance?: number; photo?: string; fingerprint?: string;
}

/** What a design asks its generator for. */
export type Wish = Pick<Design, "label" | "text" | "guidance">;

/** An entry of the collection. */
export interface Kept { id: string; name: string; design: Design }

export type Side = "first" | "second";
/** The two designs of the tab Blend, and how far it is; without a surface it goes with the shape. */
export interface Blend { first: Design; second: Design; amount: number; surface: number | null }

/** What the store holds of this visitor. */
export interface State {
  generators: Generator[];
  design: Design | null;
  moving: Design | null;
  past: Design[];
  future: Design[];
  kept: Kept[] | null;
  blend: { first: Design | null; second: Design | null; amount: number; surface: number | null };
}

// Generators ---------------------------------------------------------------------------------------

/** A generator of the picker. */
export interface Generator {
  name: string; title: string; description: string; classes: string[];
  words: boolean; examples: string[]; photos: boolean;
  data: { images?: number; kind?: string; notice?: string };
  fingerprint: string; cover: number; first: number; enlargement: string;
  truncation: number; guidance: number;
}

/** A generator's sliders, each with the words of both ends. */
export interface Sliders {
  directions: [low: string, high: string][]; dimensions: number; apart: boolean;
  size: number;
}

// Drawing in the page ------------------------------------------------------------------------------

export type Engine = "wasm" | "webgpu";
export interface Form { layers: number; dim: number; mapped: boolean }

/** A generator's file for the page; `vectors` are float32 in base64. */
export interface NetworkFile extends Form {
  sha256: string; bytes: number; coarse: number; linear: boolean; vectors: string;
  runtime: string;
}

/** Where a design lies; place.js says what the parts are. */
export interface Place extends Form {
  styles: Float32Array; centre: Float32Array; deviation: Float32Array;
}
export interface SliderVectors { vectors: Float32Array; coarse: number; linear: boolean }

/** What a painter is to draw with; its bytes are null once nobody else will need them. */
export interface Job { bytes: ArrayBuffer | null; shape: number[]; local: string }

/** What a worker is asked; each question has a number, and so has its answer. */
export type Question =
  | { local: string }
  | { bytes: ArrayBuffer }
  | { styles: Float32Array; shape: number[]; patient: boolean };
export type Numbered = Question & { number: number; patient?: boolean };
export type WorkerMessage =
  | { lost: true }
  | { lost?: undefined; number: number; error?: string } & Partial<Drawn>;

export interface Drawn {
  pixels: Uint8ClampedArray<ArrayBuffer>; width: number; height: number;
  milliseconds: number;
}
/** A picture and what it was drawn from, to compare engines by. */
export interface Drawing extends Drawn { styles: Float32Array; shape: number[] }

export type OnDrawn = (
  pixels: ImageData, design: Design, milliseconds: number | null, moving: boolean,
) => void;

// Training: what can be chosen ---------------------------------------------------------------------

/** A generator that a training can start from. */
export interface Start {
  name: string; title: string; size: number; channels: number; images: number;
  conditional: boolean; worded: boolean; products: boolean; preview: boolean;
}

/** The answer of `training_home` where this visitor may train … */
export interface OpenHome {
  allowed: "yes"; sentence: string;
  machine: { name: string };
  hosted: string; advice: string;
  recipes: { name: string; title: string }[];
  starts: Start[];
  sample_sets: { name: string; title: string; images: number }[];
  runs: Run[];
  hub: { available: boolean; user: string; flavors: { name: string; label: string }[] };
  max_upload_bytes: number; max_files: number;
}

/** … and where nobody may, or only with a password. */
export interface ClosedHome {
  allowed: "password" | "off";
  sentence: string;
  advice?: string;
  runs?: undefined;
  starts?: undefined;
}
export type Home = OpenHome | ClosedHome;

export type Reasons = [name: string, reason: string][];
/** Photos that are kept, and the copies of each. */
export type Copies = [kept: string, copies: string[]][];
export type Tone = "good" | "note" | "warning" | "bad";

/** What the studio found in photos. */
export interface Check {
  usable: boolean; reasons: string[]; files: number; images: number;
  unreadable: Reasons; same: Copies; alike: Copies; odd: Reasons;
  shapes: { tall: number; wide: number };
  fit: string; fit_reason: string; leave_out: string[];
  sentences: { kind: Tone; text: string }[];
  preview: string; thumbnails: Record<string, string>; suggested_start: string;
}

/** An upload or a sample set, once it is complete. */
export interface Photos { data: string; name: string; count: number; refused: Reasons }
/** A file that is to be sent, and its name relative to what was chosen. */
export interface Photo { file: File; name: string }

export type Setting = string | number;
export type Advanced = Record<string, Setting> & { kimg?: number; recipe?: string };
/** What is to be trained; train-plan.js says what the parts are. */
export interface Plan {
  photos: Photos | null; uploading: boolean; check: Check | null; refusal: string;
  fit: string; ticks: Record<string, boolean>; start: string | null; length: string;
  title: string; advanced: Advanced; where: string; flavor: string;
}

/** The plan as `training_start` takes it. */
export interface TrainingWish extends Pick<Plan, "title" | "length" | "fit" | "where" | "flavor"> {
  data: string; start_from: string; leave_out: string[]; advanced: Advanced;
}

/** The lengths to choose from; without times where none could be measured. */
export interface Times {
  choices: { name: string; title: string; sentence?: string; kimg?: number; seconds?: number | null }[];
  images_per_second?: number | null;
  sentence: string;
}

/** The settings that hold where nobody changes them, with help and what can be picked. */
export interface Defaults
  extends Record<"recipe" | "teachers" | "augment" | "precision" | "device", string>,
  Record<"kimg" | "batch" | "learning_rate" | "seed", number>,
  Record<"freeze" | "ema_kimg" | "save_minutes", number> {
  help: Record<string, string>;
  choices: Record<string, [value: string, label: string][]>;
  /** Of teachers other than the game: the settings that are others then. */
  by_teachers: Record<string, Record<string, number | string>>;
}

// Training: runs -----------------------------------------------------------------------------------

export type RunState = "waiting" | "preparing" | "training" | "finishing"
  | "finished" | "stopped" | "failed" | "interrupted";
export type Request = "stop" | "save" | "sample" | "resume";

export interface Run {
  id: string; title: string; state: RunState; sentence: string; alive: boolean;
  position: number | null; images: number;
  length: { kimg: number | null };
  has_checkpoint: boolean; can_resume: boolean; created_at: number; where: string;
  output_tail: string; status: Status;
}

type Unsure<Whole> = { [Name in keyof Whole]?: Whole[Name] | null };
/** What a run's process said last; any part of it may not be known yet. */
export type Status = Unsure<{
  step: number; epoch: number; images_shown: number; seconds: number;
  images_per_second: number; seconds_left: number; share: number; memory: number;
  memory_total: number; device_name: string; distance: number;
  best: { distance: number };
  health: { verdict: string; title: string; sentence: string };
  notes: string[]; saved_step: number; updated_at: number;
}>;

/** A point of a curve, or of the looks: where it lies, and numbers by their names. */
export type Point = { step: number; images_shown: number; seconds: number } & Record<string, number>;

/** The run that is watched, and what there is of it; training-store.js says what the parts are. */
export interface Training {
  home: Home | null; run: Run | null; curve: Point[]; looks: Point[];
  frames: number[]; known: boolean; silent: string;
}

/** A sheet of samples as it came, and opened, with `side` pixels of a picture. */
export interface Frame { blob: Blob; columns: number; rows: number }
export interface Sheet extends Omit<Frame, "blob"> { bitmap: ImageBitmap; pitch: number; side: number }

// What is called and told --------------------------------------------------------------------------

export interface UploadedFile { path: string; meta: { _type: "gradio.FileData" } }
export interface ServedFile { path: string; url?: string | null }
type FoundDesign = { design: Design; note: string };

/** The studio's endpoints. Gradio fills in no defaults, so all arguments are needed. */
export interface Endpoints {
  generators(): Generator[];
  sliders(generator: string): Sliders;
  understand(generator: string, text: string): { remark: string; known: string[] };
  places(designs: Design[]): { styles: string; centre: string; deviation: string }[];
  network(generator: string): NetworkFile;
  render(design: Design, size: number, detail: number | null): ServedFile;
  sheet(designs: Design[]): { png: string; count: number; size: number };
  detailed(design: Design): { png: string; size: number };
  variations(design: Design, count: number, seed: number): Design[];
  blend_strip(
    first: Design, second: Design, steps: number, size: number, surface: number | null,
  ): ServedFile;
  blend_animation(first: Design, second: Design, surface: number | null): ServedFile;
  design_from_photo(
    photo: UploadedFile & { orig_name: string }, generator: string, label: number | null,
  ): Design;
  open_picture(picture: UploadedFile): FoundDesign;
  open_link(code: string): FoundDesign;
  link(design: Design): string;
  collection_zip(kept: { name: string; design: Design }[]): ServedFile;
  training_home(): Home;
  training_new_upload(): { data: string };
  training_add_files(data: string, files: { path: string; name: string }[]): { refused: Reasons };
  training_check(data: string, recipe: string, start: string | null, fit: string): Check;
  training_times(recipe: string, start: string, images: number): Times;
  training_defaults(recipe: string, start: string, images: number): Defaults;
  training_start(wish: TrainingWish): Run;
  training_watch(run: string, since: number): Pick<Training, "curve" | "looks" | "frames"> & { run: Run };
  training_frame(run: string, step: number): { png: string; columns: number; rows: number };
  training_ask(run: string, what: Request): Run;
  training_open(run: string): { generator: string };
  training_rename(run: string, title: string): Run;
  training_delete(run: string): { deleted: string };
  training_download(run: string): ServedFile;
  training_slice(run: string): Run;
}

/** What the parts of the page tell each other, by the names of `on` and `tell`. */
export interface Events {
  design: Design;
  settled: Design;
  generators: Generator[];
  kept: Kept[];
  blend: Blend;
  drawn: { design: Design; milliseconds: number };
  /** What is said while a photo becomes a design; "" when none does. */
  photo: string;
  plan: Plan;
  "training-home": Home;
  "training-run": Training;
  "training-state": { run: Run; before: RunState };
}

// Elements -----------------------------------------------------------------------------------------

/** What Gradio hands to a part of the page: its skeleton, and the value that it keeps. */
export interface Mounting {
  element: HTMLElement;
  props: { value: { kept: unknown } | null };
  watch: (name: string, listener: () => void) => void;
}

/** A button that is the picture of a design. */
export interface Thumbnail extends HTMLButtonElement { design?: Design; show(design: Design): void }

/** One of a row of radio buttons. */
export interface Choice { value: string; title: string; small?: string | null }

/** Finds an element of a part of the page by its class without "at-". */
export type Part = <Name extends string>(name: Name) => Name extends keyof Parts ? Parts[Name] : HTMLElement;

type Named<Names extends string, Kind> = { [Name in Names]: Kind };
/** What the elements are of which more is needed than any has. */
export type Parts =
  & Named<"picture", HTMLCanvasElement>
  & Named<"amount" | "surface" | "seed" | "text" | "wall-words" | "title", HTMLInputElement>
  & Named<"password-field" | "input-photos" | "input-folder" | "input-zip", HTMLInputElement>
  & Named<"generator" | "wall-category" | "flavors", HTMLSelectElement>
  & Named<"bar", HTMLProgressElement>
  & Named<"undo" | "redo" | "reset" | "download-all" | "blend-two" | "start" | "drift", HTMLButtonElement>
  & Named<"other-photos", HTMLElement | null>; // only once photos were chosen
