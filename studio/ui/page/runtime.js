// What runs a generator in the page: ONNX Runtime, from the pinned npm package. It has two engines,
// each with a module and a binary of its own. Their files lie beside this one where `npm ci` was
// run, else on a public CDN. Either way they are only used if they are the very ones that were
// pinned.

/** @import { Engine } from "./types.d.ts" */

export const VERSION = "1.23.2"; // as package.json
export const ENGINES = {
  wasm: {
    module: {
      name: "ort.wasm.bundle.min.mjs",
      integrity: "sha384-pB+S6eivYulGEoJHgzPCoPWakVLo3C9Pb8l5qdqqK/H8FkTygfHQlKTOk94SHumD",
    },
    binary: {
      name: "ort-wasm-simd-threaded.wasm",
      integrity: "sha384-6WaAowIglB/94BWMbHxBFUZsy7ACNRxdOpOwlrQ0u6KaTjP3y4VXMAqLOTSHnp0l",
    },
  },
  webgpu: {
    module: {
      name: "ort.webgpu.bundle.min.mjs",
      integrity: "sha384-xnwi/nLrcL9A8pZJXvMPJl9t2qXVBYS1sja6ZhRABjgomvO00i9E15uWPaTAD6Jl",
    },
    binary: {
      name: "ort-wasm-simd-threaded.asyncify.wasm",
      integrity: "sha384-USP/anvVK5uOB59MUK58Rv5RXSTMwtvDoplIiI3WNQC8Ah3j6yRZv9uox0dtsYZB",
    },
  },
};
const CDN = `https://cdn.jsdelivr.net/npm/onnxruntime-web@${VERSION}/dist`;

/**
 * Load the runtime of an engine; `local` is where the package's files are served here, or "".
 * @type {(engine: Engine, local: string) => Promise<typeof import("onnxruntime-web")>}
 */
export async function loadRuntime(engine, local) {
  const files = ENGINES[engine];
  const [module, binary] = await Promise.all(
    [files.module, files.binary].map(async ({ name, integrity }) => {
      const response = await fetch(`${local || CDN}/${name}`, { integrity });
      if (!response.ok) throw new Error(`${name}: ${response.status}`);
      return response.arrayBuffer();
    }),
  );
  // Both are used from memory: neither an import nor the runtime itself can be told a hash.
  const address = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  try {
    const runtime = await import(address);
    const { wasm } = runtime.env;
    wasm.wasmPaths = { wasm: URL.createObjectURL(new Blob([binary], { type: "application/wasm" })) };
    wasm.numThreads = 1; // more need headers that would shut the page off from others
    runtime.env.logLevel = "error";
    return runtime;
  } finally {
    URL.revokeObjectURL(address);
  }
}
