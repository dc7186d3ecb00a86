/** Minimisation without derivatives, for fits of a few positive parameters. */

export type Minimum = {
  /** Positive, in the order of `start`. */
  parameters: number[];
  loss: number;
  /** How often `loss` was computed. */
  evaluations: number;
  /** False where the limit of evaluations came first: the parameters are then no fit. */
  converged: boolean;
};

type Vertex = { logs: readonly number[]; loss: number };

const firstStep = 0.5;
const evaluationsMax = 4_000;
const lossSpreadMax = 1e-9;
/** Of the loss itself: a sum over many terms has no more digits than this. */
const lossSpreadRelativeMax = 1e-12;
const logSpreadMax = 1e-6;

/**
 * Finds a local minimum over positive parameters by searching over their logarithms. Deterministic: the same start, the same steps.
 *
 * @param loss of positive parameters. NaN counts as worse than everything.
 * @param start positive, at least one.
 * @see Nelder and Mead, "A simplex method for function minimization", 1965; coefficients 1, 2, ½, ½.
 */
export function minimisePositive(loss: (parameters: readonly number[]) => number, start: readonly number[]): Minimum {
  let evaluations = 0;
  const vertexAt = (logs: readonly number[]): Vertex => {
    evaluations++;
    const value = loss(logs.map(Math.exp));
    return { logs, loss: Number.isNaN(value) ? Infinity : value };
  };
  const corner = start.map(Math.log);
  let simplex = inOrder([corner, ...corner.map((log, i) => corner.with(i, log + firstStep))].map(vertexAt));
  while (!hasSettled(simplex) && evaluations < evaluationsMax) simplex = inOrder(improved(simplex, vertexAt));
  const best = simplex[0]!;
  return { parameters: best.logs.map(Math.exp), loss: best.loss, evaluations, converged: hasSettled(simplex) };
}

/** One step: the worst vertex gives way to a better one on the line through the others' centre, or all draw in to the best. */
function improved(simplex: readonly Vertex[], vertexAt: (logs: readonly number[]) => Vertex): Vertex[] {
  const [best, worst, others] = [simplex[0]!, simplex.at(-1)!, simplex.slice(0, -1)];
  const centre = worst.logs.map((_, i) => others.reduce((sum, { logs }) => sum + logs[i]!, 0) / others.length);
  const beyondCentre = (factor: number) => vertexAt(centre.map((middle, i) => middle + factor * (middle - worst.logs[i]!)));
  const reflected = beyondCentre(1);
  if (reflected.loss < best.loss) return [...others, better(beyondCentre(2), reflected)];
  if (reflected.loss < others.at(-1)!.loss) return [...others, reflected];
  const contracted = beyondCentre(reflected.loss < worst.loss ? 0.5 : -0.5);
  if (contracted.loss < Math.min(reflected.loss, worst.loss)) return [...others, contracted];
  return [best, ...simplex.slice(1).map(({ logs }) => vertexAt(logs.map((log, i) => (log + best.logs[i]!) / 2)))];
}

const better = (a: Vertex, b: Vertex) => (a.loss < b.loss ? a : b);

const inOrder = (simplex: Vertex[]) => simplex.sort((a, b) => (a.loss < b.loss ? -1 : a.loss > b.loss ? 1 : 0));

function hasSettled(simplex: readonly Vertex[]): boolean {
  const [best, worst] = [simplex[0]!, simplex.at(-1)!];
  const isNear = ({ logs }: Vertex) => logs.every((log, i) => Math.abs(log - best.logs[i]!) <= logSpreadMax);
  return worst.loss - best.loss <= lossSpreadMax + lossSpreadRelativeMax * Math.abs(best.loss) && simplex.every(isNear);
}
