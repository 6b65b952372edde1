// What runs a generator in the page: ONNX Runtime for WebAssembly, from the pinned npm package. Its
// files lie beside this one where `npm ci` was run, else on a public CDN. Either way they are only
// used if they are the very ones that were pinned.

export const VERSION = "1.23.2"; // as package.json
export const FILES = {
  module: {
    name: "ort.wasm.bundle.min.mjs",
    integrity: "sha384-pB+S6eivYulGEoJHgzPCoPWakVLo3C9Pb8l5qdqqK/H8FkTygfHQlKTOk94SHumD",
  },
  binary: {
    name: "ort-wasm-simd-threaded.wasm",
    integrity: "sha384-6WaAowIglB/94BWMbHxBFUZsy7ACNRxdOpOwlrQ0u6KaTjP3y4VXMAqLOTSHnp0l",
  },
};
const CDN = `https://cdn.jsdelivr.net/npm/onnxruntime-web@${VERSION}/dist`;

/** Load the runtime; `local` is where the package's files are served here, or "". */
export async function loadRuntime(local) {
  const [module, binary] = await Promise.all(
    [FILES.module, FILES.binary].map(async ({ name, integrity }) => {
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
