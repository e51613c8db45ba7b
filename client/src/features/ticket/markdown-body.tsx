import { ImageIcon } from "lucide-react";
import Markdown from "react-markdown";
import remarkBreaks from "remark-breaks";
import remarkGfm from "remark-gfm";
import { strings } from "@/app/strings/strings";

const PLUGINS = [remarkGfm, remarkBreaks];

/** No raw HTML, and no image before somebody clicks: a mail must not be able to call home from an agent's screen. */
export function MarkdownBody({ text }: { text: string }) {
  return (
    <div className="prose-message">
      <Markdown
        remarkPlugins={PLUGINS}
        components={{
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noreferrer noopener">
              {children}
            </a>
          ),
          input: ({ checked }) => (
            <input
              type="checkbox"
              disabled
              checked={checked === true}
              aria-label={checked === true ? strings.ticket.done : strings.ticket.toDo}
            />
          ),
          img: ({ src, alt }) => <RemoteImage src={typeof src === "string" ? src : ""} alt={alt ?? ""} />,
        }}
      >
        {text}
      </Markdown>
    </div>
  );
}

/** The page itself may load nothing from elsewhere, so a click opens the picture beside it. */
function RemoteImage({ src, alt }: { src: string; alt: string }) {
  const host = hostOf(src);
  if (host === null) return alt;
  return (
    <a
      href={src}
      target="_blank"
      rel="noreferrer noopener"
      className="inline-flex items-center gap-1.5 rounded-md border px-2 py-1 text-xs no-underline!"
    >
      <ImageIcon className="size-3.5" aria-hidden="true" />
      {strings.ticket.remoteImage(alt, host)}
    </a>
  );
}

function hostOf(src: string): string | null {
  try {
    const url = new URL(src);
    return url.protocol === "https:" || url.protocol === "http:" ? url.host : null;
  } catch {
    return null;
  }
}
