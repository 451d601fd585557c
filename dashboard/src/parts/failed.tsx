// Messages of the queue that failed for good: what they are, why they fail, and what can be done.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useQuery } from "../data/query";
import { useSession } from "../data/session";
import type { Answer, DeadLetter, Redriven } from "../data/shapes";
import { amend, useRoute } from "../router";
import { exact } from "../text/numbers";
import { full } from "../text/times";
import { counted, t } from "../text/words";
import { Button, Copyable } from "./actions";
import { Ago } from "./ago";
import { announce } from "./announcements";
import { Await } from "./await";
import { Dialog } from "./dialog";
import "./failed.css";
import { useSending } from "./forms";
import { Icon } from "./icons";
import { Card, Notice } from "./page";
import { Table } from "./table";

const LIMIT = 20;

/** They are looked at once: a look hides them from others for a moment. */
function useFailed() {
  const { api } = useSession();
  return useQuery(
    {
      queryKey: ["failed messages"],
      queryFn: async ({ signal }) => {
        const found = await api.get<Answer<"/v1/dead-letters/">>(
          "v1/dead-letters/",
          { limit: LIMIT },
          signal,
        );
        return { ...found, items: found.items as DeadLetter[] };
      },
    },
    {},
  );
}

export function FailedCard(): JSX.Element | null {
  const { api } = useSession();
  const found = useFailed();
  const sending = useSending([]);
  const [outcome, setOutcome] = useState<Redriven>();
  const open = useRoute().query.get("failed");
  if (found.data && !found.data.queue) return null;
  const items = found.data?.items ?? [];
  const opened = items.find(({ id }) => id === open);
  const close = (): void => amend({ failed: "" });
  const resend = (ids?: string[]): void =>
    void sending.send(async () => {
      setOutcome(await api.post<Redriven>("v1/dead-letters/redrive", ids ? { ids } : {}));
      close();
      await found.reload();
    });
  const discarded = (): void => {
    close();
    announce(t("The message is discarded"));
    void found.reload();
  };
  return (
    <Card
      title={t("Failed messages")}
      flush
      actions={
        items.length > 0 && (
          <Button needs="events:write" busy={sending.busy} onClick={() => resend()}>
            {t("Send all again")}
          </Button>
        )
      }
    >
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      {outcome && <Outcome outcome={outcome} />}
      <Await of={found} lines={2}>
        {({ items, complete }) => (
          <>
            {items.length === 0 ? (
              <p class="quiet-line">
                <Icon name="check" /> {t("None: every message of the queue was counted.")}
              </p>
            ) : (
              <Table
                caption={t("Messages that failed for good")}
                rows={items}
                keyOf={(letter) => letter.id}
                columns={[
                  {
                    name: t("Why"),
                    show: (letter) => (
                      <button type="button" class="link" onClick={() => amend({ failed: letter.id })}>
                        {letter.reason}
                      </button>
                    ),
                  },
                  {
                    name: t("Events"),
                    number: true,
                    show: (letter) => (letter.events ? exact(letter.events) : "–"),
                  },
                  {
                    name: t("Received"),
                    number: true,
                    show: (letter) => <Ago time={letter.first_received_at} />,
                  },
                ]}
              />
            )}
            {!complete && <p class="hint">{t("There may be more: the queue was not read to its end.")}</p>}
          </>
        )}
      </Await>
      {opened && (
        <Dialog title={t("Failed message")} onClose={close}>
          <Letter letter={opened} />
          <div class="form-actions">
            <Button onClick={close}>{t("Close")}</Button>
            <Button
              kind="primary"
              needs="events:write"
              busy={sending.busy}
              onClick={() => resend([opened.id])}
            >
              {t("Send again")}
            </Button>
          </div>
          <Discard letter={opened} onDone={discarded} />
        </Dialog>
      )}
    </Card>
  );
}

/** Throwing a letter away, behind a second look: what of it has not counted never will. */
function Discard({ letter, onDone }: { letter: DeadLetter; onDone(): void }): JSX.Element {
  const { api } = useSession();
  const sending = useSending([]);
  const discard = (): void =>
    void sending.send(async () => {
      await api.delete(`v1/dead-letters/${letter.id}`);
      onDone();
    });
  return (
    <details class="discard">
      <summary>{t("Discard it")}</summary>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>{t("It is deleted for good: what has not counted never will.")}</p>
      <Button kind="danger" needs="events:write" busy={sending.busy} onClick={discard}>
        {t("Discard for good")}
      </Button>
    </details>
  );
}

/** What became of what was sent again: what still fails is not said to be well. */
function Outcome({ outcome }: { outcome: Redriven }): JSX.Element {
  const { redriven, left, complete } = outcome;
  return (
    <Notice tone={left.length > 0 ? "bad" : "info"}>
      <p>
        {counted(redriven, "{n} message is in the queue again.", "{n} messages are in the queue again.")}{" "}
        {redriven.gt(0) && t("What fails again comes back here.")}
      </p>
      {left.map(({ id, reason }) => (
        <p key={id}>{t("Left: {reason}", { reason })}</p>
      ))}
      {!complete && <p>{t("There may be more: the queue was not read to its end.")}</p>}
    </Notice>
  );
}

function Letter({ letter }: { letter: DeadLetter }): JSX.Element {
  const { events, counted: done, succeeds_now: succeeds } = letter;
  return (
    <>
      <Notice tone={succeeds ? "good" : "bad"}>
        {succeeds
          ? t("It would be counted now: send it again.")
          : t("It would fail again. Fix what it says below at the sender, and send it again from there.")}
      </Notice>
      <dl class="facts letter">
        <dt>{t("Why")}</dt>
        <dd>{letter.reason}</dd>
        <dt>{t("Events")}</dt>
        <dd>{events ? exact(events) : t("It can't be read.")}</dd>
        {done && (
          <>
            <dt>{t("Counted already")}</dt>
            <dd>{exact(done)}</dd>
          </>
        )}
        <dt>{t("First received")}</dt>
        <dd>{full(letter.first_received_at)}</dd>
        <dt>{t("Attempts")}</dt>
        <dd>{exact(letter.receive_count)}</dd>
        <dt>ID</dt>
        <dd>
          <Copyable what={t("id")} text={letter.id} />
        </dd>
      </dl>
    </>
  );
}
