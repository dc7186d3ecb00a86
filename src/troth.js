#!/usr/bin/env node
/**
 * Where every process begins. In JavaScript, because what strips types takes a tenth of a second to load, and is not needed for
 * modules that the cache holds: so the cache is opened before the first of them.
 *
 * A third of a start's work is compiling what was compiled last time. The cache lies with the packages, where nobody can write who
 * could not change the code itself; where it can't be written, there is none.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import process from "node:process";

// For threads too: they take their environment from here.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "../node_modules/.cache/compile");
enableCompileCache();
await import("./main.ts");
