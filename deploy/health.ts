/** Exits with 0 where the server in this container is ready to be sent requests. The image has no curl. */
import process from "node:process";

const port = process.env["TROTH_PORT"] ?? "7407";
try {
  const { ok } = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(4_000) });
  process.exitCode = ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
