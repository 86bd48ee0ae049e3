// Writes FILE.br beside every FILE that is named. Node's brotli is C and quick; a Rust one, in the unoptimized build that
// chores are, takes longer than wasm-opt.
import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

// The best level: it is paid once here and saves at every visit. The window is the widest that every browser takes.
const params = {
  [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
  [constants.BROTLI_PARAM_LGWIN]: 22,
};

for (const file of process.argv.slice(2)) {
  writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file), { params }));
}
