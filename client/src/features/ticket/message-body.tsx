import { lazy, Suspense } from "react";
import type { Message } from "@/protocol/types";

const MarkdownBody = lazy(() => import("./markdown-body").then((m) => ({ default: m.MarkdownBody })));

const ADDRESS = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/g;

/** What somebody wrote. Never HTML: text with its links, or markdown drawn by a renderer that knows no HTML. */
export function MessageBody({ message }: { message: Pick<Message, "body" | "body_format"> }) {
  const plain = <PlainBody text={message.body} />;
  if (message.body_format !== "markdown") return plain;
  return (
    <Suspense fallback={plain}>
      <MarkdownBody text={message.body} />
    </Suspense>
  );
}

function PlainBody({ text }: { text: string }) {
  const parts = text.split(ADDRESS);
  return (
    <div className="whitespace-pre-wrap [overflow-wrap:anywhere]">
      {parts.map((part, index) =>
        index % 2 === 1 ? (
          <a
            // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text never move
            key={index}
            href={part}
            target="_blank"
            rel="noreferrer noopener"
            className="text-accent underline underline-offset-2"
          >
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </div>
  );
}
