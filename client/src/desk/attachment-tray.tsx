import clsx from "clsx";
import { File, RotateCw, X } from "lucide-react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import type { Attachment } from "@/protocol/types";
import { bytes } from "./format-time";
import type { Upload, Uploads } from "./uploads";

/** What goes with the message that is being written, and what is still on its way to the server. */
export function AttachmentTray({
  ticket,
  files,
  sending,
  uploads,
  pictureOf,
  className,
}: {
  ticket: number;
  files: readonly Attachment[];
  sending: readonly Upload[];
  uploads: Uploads;
  /** Where the small picture of a file is to be had that has one. */
  pictureOf?: (id: string) => string;
  className?: string;
}) {
  if (files.length === 0 && sending.length === 0) return null;
  return (
    <ul aria-label={strings.files.attached} className={clsx("flex flex-wrap gap-1.5", className)}>
      {files.map((file) => (
        <Chip key={file.id} picture={file.thumbnail && pictureOf !== undefined ? pictureOf(file.id) : null}>
          <Name name={file.name} detail={bytes(file.bytes)} />
          <Button
            variant="ghost"
            size="icon"
            aria-label={strings.files.remove(file.name)}
            onClick={() => uploads.discard(ticket, file.id)}
          >
            <X className="size-3.5" />
          </Button>
        </Chip>
      ))}
      {sending.map((upload) => (
        <Sending key={upload.key} upload={upload} uploads={uploads} />
      ))}
    </ul>
  );
}

function Sending({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const { state, name } = upload;
  const failed = state.kind === "failed";
  const percent = failed ? 0 : Math.min(100, Math.floor((100 * state.sent) / Math.max(1, upload.bytes)));
  return (
    <Chip picture={null} failed={failed}>
      {failed ? (
        <Name
          name={name}
          detail={`${strings.files.failed}: ${strings.problems.codes[state.code] ?? state.code}`}
          alert
        />
      ) : (
        <span className="min-w-0">
          <Name name={name} detail={`${percent} %`} />
          <span
            role="progressbar"
            aria-label={strings.files.sending(name, percent)}
            aria-valuenow={percent}
            className="mt-1 block h-1 w-full overflow-hidden rounded-full bg-line"
          >
            <span className="block h-full bg-accent" style={{ width: `${percent}%` }} />
          </span>
        </span>
      )}
      {failed ? (
        <Button
          variant="ghost"
          size="icon"
          aria-label={strings.files.retry(name)}
          onClick={() => uploads.retry(upload.key)}
        >
          <RotateCw className="size-3.5" />
        </Button>
      ) : null}
      <Button
        variant="ghost"
        size="icon"
        aria-label={failed ? strings.files.remove(name) : strings.files.cancel(name)}
        onClick={() => uploads.remove(upload.key)}
      >
        <X className="size-3.5" />
      </Button>
    </Chip>
  );
}

function Chip({
  picture,
  failed = false,
  children,
}: {
  picture: string | null;
  failed?: boolean;
  children: React.ReactNode;
}) {
  return (
    <li
      className={clsx(
        "flex max-w-64 items-center gap-2 rounded-lg border bg-surface py-1 pr-1 pl-2 text-xs",
        failed && "border-danger",
      )}
    >
      {picture === null ? (
        <File className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
      ) : (
        <img src={picture} alt="" className="size-8 shrink-0 rounded object-cover" />
      )}
      {children}
    </li>
  );
}

function Name({ name, detail, alert = false }: { name: string; detail: string; alert?: boolean }) {
  return (
    <span className="min-w-0">
      <span className="block truncate font-medium" title={name}>
        {name}
      </span>
      <span
        role={alert ? "alert" : undefined}
        className={clsx("block truncate tabular-nums", alert ? "text-danger" : "text-ink-3")}
      >
        {detail}
      </span>
    </span>
  );
}
