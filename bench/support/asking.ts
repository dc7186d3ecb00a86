/** Questions and answers between the process of a benchmark and the processes that it starts. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

type Question = { number: number; name: string; argument: unknown };
type Reply = { number: number; answer?: unknown; error?: string };

export type Asked = { ask<Answer>(name: string, argument?: unknown): Promise<Answer>; close(): Promise<void> };

/** @param profileFolder where the process, and each of its threads, leaves a CPU profile when it ends. */
export function start(module: URL, argument: object, profileFolder?: string): Asked {
  const execArgv =
    profileFolder === undefined ? [] : ["--cpu-prof", "--cpu-prof-interval=500", `--cpu-prof-dir=${profileFolder}`];
  const child = fork(module, [JSON.stringify(argument)], { execArgv, serialization: "advanced" });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let count = 0;
  child.on("message", ({ number, answer, error }: Reply) => {
    const waiter = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) waiter?.resolve(answer);
    else waiter?.reject(new Error(error));
  });
  child.on("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the process ended with ${code}`));
  });
  return {
    async ask<Answer>(name: string, argument?: unknown): Promise<Answer> {
      const waiter = Promise.withResolvers<unknown>();
      waiting.set(++count, waiter);
      child.send({ number: count, name, argument } satisfies Question);
      return (await waiter.promise) as Answer;
    },
    close: () => ended(child),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, "exit");
  child.disconnect();
  await exit;
}

/** In the process that was started: answers until the parent goes away, then closes. */
export function answer(handlers: Record<string, (argument: never) => unknown>, close: () => Promise<void> | void): void {
  process.on("message", (question: Question) => void reply(question));
  process.once("disconnect", () => void Promise.resolve(close()).then(() => process.exit()));
  async function reply({ number, name, argument }: Question): Promise<void> {
    try {
      process.send?.({ number, answer: await handlers[name]!(argument as never) } satisfies Reply);
    } catch (error) {
      process.send?.({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Reply);
    }
  }
}
