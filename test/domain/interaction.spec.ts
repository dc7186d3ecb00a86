import { describe, expect, it } from "vitest";
import {
  interaction,
  type InteractionCommand,
  type InteractionDetails,
  type InteractionEvent,
} from "../../src/domain/interaction.ts";
import { on, specFor, type Told } from "../support/spec.ts";
import { account, customer, interactionId, salesman, slug, slugs } from "./parties.examples.ts";

const { given, stateAfter } = specFor(interaction, `interaction-${interactionId(1)}`);
const details: InteractionDetails = {
  kind: slug("visit"),
  purpose: slug("relationship"),
  direction: "mutual",
  channel: slug("in-person"),
  startedAt: on("2026-02-02 10:00"),
  minutes: 60,
  participants: [salesman, customer],
  tags: slugs("on-site"),
};
const recorded: Told<InteractionEvent> = {
  type: "InteractionRecorded",
  data: { account, ...details },
  at: details.startedAt,
  recordedAt: on("2026-02-03"),
};
const corrected = (data: InteractionDetails, recordedAt = "2026-02-10"): Told<InteractionEvent> => ({
  type: "InteractionCorrected",
  data,
  at: on(recordedAt),
});
const retracted: Told<InteractionEvent> = { type: "InteractionRetracted", data: {}, at: on("2026-02-11") };

const record: InteractionCommand = { type: "RecordInteraction", account, details, at: details.startedAt };
const correct = (more: Partial<InteractionDetails>): InteractionCommand => ({
  type: "CorrectInteraction",
  details: { ...details, ...more },
  at: on("2026-02-10"),
});
const retract: InteractionCommand = { type: "RetractInteraction", at: on("2026-02-11") };
const note = { subject: customer, value: "Talked about the garden." };

describe("recording an interaction", () => {
  it("records what happened", () =>
    given()
      .when({ ...record, note, recordedFor: customer })
      .then({
        type: "InteractionRecorded",
        data: { account, ...details, source: undefined, recordedFor: customer },
        account,
        personal: [{ field: "note", ...note }],
      } as never));
  it("happens once", () => {
    given(recorded).when(record).thenRefused("interaction-exists");
    given(recorded, retracted).when(record).thenRefused("interaction-exists");
  });
});

describe("correcting an interaction", () => {
  it("records it whole, and for whom", () =>
    given(recorded)
      .when({ ...correct({ minutes: 30 }), recordedFor: salesman } as InteractionCommand)
      .then({ type: "InteractionCorrected", data: { ...details, minutes: 30, recordedFor: salesman }, account } as never));
  it("adds nothing where it is so already", () => given(recorded).when(correct({})).thenNothing());
  it("records a note, which can't be compared", () =>
    expect(
      given(recorded)
        .when({ ...correct({}), note } as InteractionCommand)
        .outcome(),
    ).toEqual(["InteractionCorrected"]));
  it("is refused where there is none, or none any more", () => {
    given()
      .when(correct({ minutes: 30 }))
      .thenRefused("interaction-not-found");
    given(recorded, retracted)
      .when(correct({ minutes: 30 }))
      .thenRefused("interaction-retracted");
  });
  it("leaves out what it does not say", () => {
    const { channel: _, minutes: __, ...rest } = details;
    const state = stateAfter(recorded, corrected(rest));
    expect(state).not.toHaveProperty("channel");
    expect(state).not.toHaveProperty("minutes");
  });
  it("is known from its recording on, and remembers what was told before", () =>
    expect(
      stateAfter(recorded, corrected({ ...details, minutes: 30 }), corrected({ ...details, minutes: 45 }, "2026-02-12")),
    ).toMatchObject({
      minutes: 45,
      recordedAt: on("2026-02-12"),
      isCorrected: true,
      earlier: [
        { minutes: 60, recordedAt: on("2026-02-03") },
        { minutes: 30, recordedAt: on("2026-02-10") },
      ],
    }));
  it("of a note alone makes no evidence late", () =>
    expect(stateAfter(recorded, corrected(details))).toMatchObject({ recordedAt: on("2026-02-03"), isCorrected: true }));
  it("is no longer what the customer recorded, unless the customer corrects it", () => {
    const byCustomer = { ...recorded, data: { ...recorded.data, recordedFor: customer } } as typeof recorded;
    expect(stateAfter(byCustomer)).toMatchObject({ recordedFor: customer });
    expect(stateAfter(byCustomer, corrected({ ...details, minutes: 30 }))).not.toHaveProperty("recordedFor");
  });
});

describe("retracting an interaction", () => {
  it("records it once", () => {
    given(recorded).when(retract).then({ type: "InteractionRetracted", data: {}, account });
    given(recorded, retracted).when(retract).thenNothing();
  });
  it("is refused where there is none", () => given().when(retract).thenRefused("interaction-not-found"));
  it("keeps it, as something that proves nothing", () =>
    expect(stateAfter(recorded, retracted)).toMatchObject({ isRetracted: true, minutes: 60 }));
});
