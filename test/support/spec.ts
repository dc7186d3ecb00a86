/** Given events, when a command, then events. The only test code that calls `decide`, so that its signature may change alone. */
import { expect } from "vitest";
import { eventSchemas, isEventType } from "../../src/domain/catalogue.ts";
import type { AnyEvent, Decider, Draft, Recorded } from "../../src/domain/decider.ts";
import { DomainError, type DomainErrorCode } from "../../src/domain/errors.ts";
import type { EventId, Instant, KeyId } from "../../src/domain/values.ts";

/** An event as a spec tells it: when it happened, and when it was recorded where that is not at once. */
export type Told<Event extends AnyEvent> = Event & { at: Instant; recordedAt?: Instant };

const crockford = "0123456789abcdefghjkmnpqrstvwxyz";
/** A readable id of the opaque pattern: the number in base 32, filled up with zeros. */
export function idOf<Id extends string>(prefix: string, number: number): Id {
  let digits = "";
  for (let rest = number; rest > 0; rest = Math.floor(rest / 32)) digits = crockford[rest % 32] + digits;
  return `${prefix}_${digits.padStart(16, "0")}` as Id;
}

/** The instant of `2026-03-02` (midnight, UTC) or `2026-03-02 10:30`. */
export const on = (text: string): Instant =>
  new Date(`${text.replace(" ", "T")}${text.includes(" ") ? "" : "T00:00"}Z`).toISOString() as Instant;

/** What was told, with its place in the log. Ids and positions count from `firstPosition`. */
export function recorded<Event extends AnyEvent>(
  stream: string,
  told: readonly Told<Event>[],
  firstPosition = 1,
): Recorded<Event>[] {
  return told.map(({ at, recordedAt, ...event }, revision) => ({
    ...(event as unknown as Event),
    id: idOf<EventId>("evt", firstPosition + revision),
    stream,
    revision,
    position: firstPosition + revision,
    occurredAt: at,
    recordedAt: recordedAt ?? at,
    actor: { kind: "key" as const, id: idOf<KeyId>("key", 1) },
  }));
}

export function specFor<Command extends { type: string }, Event extends AnyEvent, State>(
  decider: Decider<Command, Event, State>,
  stream = "spec-1",
) {
  const stateAfter = (told: readonly Told<Event>[]) => recorded(stream, told).reduce(decider.evolve, decider.initialState);
  return {
    /** The state that events lead to. */
    stateAfter: (...told: Told<Event>[]) => stateAfter(told),
    /** The events that come of commands one after another, the refused ones left out. */
    told(commands: readonly (Command & { at: Instant })[], before: readonly Told<Event>[] = []): Told<Event>[] {
      const events: Told<Event>[] = [];
      for (const command of commands) {
        try {
          const drafts = decider.decide(command, stateAfter([...before, ...events]));
          events.push(...drafts.map((draft) => toldAt(draft, command.at)));
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
        }
      }
      return events;
    },
    given: (...told: Told<Event>[]) => ({
      when(command: Command) {
        const decide = (): Draft<Event>[] => decider.decide(command, stateAfter(told)).map(fitting);
        return {
          /** Exactly these events; a field that is left out or undefined must be absent. Texts are compared where they are named. */
          then(...expected: (Event & { personal?: unknown; account?: unknown })[]) {
            const drafts = decide();
            expect(drafts.map(({ type, data }) => ({ type, data }))).toEqual(expected.map(({ type, data }) => ({ type, data })));
            for (const [index, { personal, account }] of expected.entries()) {
              if (personal !== undefined) expect(drafts[index]!.personal).toEqual(personal);
              if (account !== undefined) expect(drafts[index]!.account).toBe(account);
            }
          },
          thenNothing: () => expect(decide()).toEqual([]),
          thenRefused: (code: DomainErrorCode) => expect(outcomeOf(decide)).toBe(code),
          /** The types of the events, `[]` for none, or the code of the refusal. */
          outcome: (): string[] | DomainErrorCode => outcomeOf(decide),
          /** What repeating the command, after the events of its first run, would come to. */
          again(): string[] | DomainErrorCode {
            const { at } = command as unknown as { at: Instant };
            const first = decide().map((draft) => toldAt(draft, at));
            return outcomeOf(() => decider.decide(command, stateAfter([...told, ...first])));
          },
        };
      },
    }),
  };
}

/** As it would be read back from the log. @throws ZodError where a decision would record what its schema does not know. */
function fitting<Event extends AnyEvent>(draft: Draft<Event>): Draft<Event> {
  if (isEventType(draft.type)) eventSchemas[draft.type].parse(JSON.parse(JSON.stringify(draft.data)));
  return draft;
}

const toldAt = <Event extends AnyEvent>({ type, data }: Draft<Event>, at: Instant): Told<Event> =>
  ({ type, data, at }) as unknown as Told<Event>;

function outcomeOf(decide: () => readonly AnyEvent[]): string[] | DomainErrorCode {
  try {
    return decide().map(({ type }) => type);
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}
