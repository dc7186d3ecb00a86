/**
 * What costs most in a CPU profile: functions by their own time, and the project's functions by the time spent in and below them.
 *
 * node bench/support/profile.ts <file.cpuprofile> [<count of lines>]
 */
import { readFileSync } from "node:fs";

type Node = {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
};
type Profile = { nodes: Node[]; samples: number[]; timeDeltas: number[] };

const [path, count = "25"] = process.argv.slice(2);
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path!, "utf8")) as Profile;
const byId = new Map(nodes.map((node) => [node.id, node]));
const own = new Map<number, number>();
for (const [index, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + timeDeltas[index]!);

const nameOf = ({ callFrame: { functionName, url, lineNumber } }: Node): string => {
  const file = url.replace(/^.*\/(node_modules|src|bench)\//, "$1/");
  return `${functionName || "(anonymous)"}${file === "" ? "" : ` ${file}:${lineNumber + 1}`}`;
};
const isOurs = ({ callFrame: { url } }: Node): boolean => /\/(src|bench)\/[^:]*$/.test(url) && !url.includes("node_modules");

const self = new Map<string, number>();
const within = new Map<string, number>();
const add = (to: Map<string, number>, name: string, us: number) => to.set(name, (to.get(name) ?? 0) + us);

/** A function that calls itself, however far down, is counted once. */
function visit(node: Node, above: ReadonlySet<string>): number {
  const name = nameOf(node);
  const isFirst = isOurs(node) && !above.has(name);
  const known = isFirst ? new Set([...above, name]) : above;
  let us = own.get(node.id) ?? 0;
  add(self, name, us);
  for (const child of node.children ?? []) us += visit(byId.get(child)!, known);
  if (isFirst) add(within, name, us);
  return us;
}
visit(nodes[0]!, new Set());

const idle = self.get("(idle)") ?? 0;
const busy = timeDeltas.reduce((sum, us) => sum + us, 0) - idle;
const tell = (title: string, times: Map<string, number>) => {
  console.log(title);
  const listed = [...times].filter(([name]) => name !== "(idle)").toSorted(([, a], [, b]) => b - a);
  for (const [name, us] of listed.slice(0, Number(count)))
    console.log(`${((us * 100) / busy).toFixed(1).padStart(6)} %  ${name}`);
};
console.log(`busy ${(busy / 1e6).toFixed(1)} s, idle ${(idle / 1e6).toFixed(1)} s; shares are of the busy time`);
tell("own time", self);
tell("in and below", within);
