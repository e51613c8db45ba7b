import { Download, File } from "lucide-react";
import { useState } from "react";
import { strings } from "@/app/strings/strings";
import { Dialog } from "@/components/ui/dialog";
import { bytes } from "@/desk/format-time";
import type { Attachment } from "@/protocol/types";
import { contentUrl, thumbnailUrl } from "@/sync/upload-wire";

/** The files of a message: pictures small, to be looked at; everything else to be saved. */
export function AttachmentList({ files }: { files: readonly Attachment[] }) {
  const [shown, setShown] = useState<Attachment | null>(null);
  if (files.length === 0) return null;
  return (
    <>
      <ul aria-label={strings.files.attached} className="mt-1.5 flex flex-wrap gap-2 first:mt-0">
        {files.map((file) => (
          <li key={file.id}>
            {file.thumbnail ? (
              <button
                type="button"
                aria-label={strings.files.open(file.name)}
                title={file.name}
                onClick={() => setShown(file)}
                className="block overflow-hidden rounded-md border bg-surface hover:border-line-strong"
              >
                <img
                  src={thumbnailUrl(file.id)}
                  alt=""
                  loading="lazy"
                  className="h-28 w-auto max-w-60 object-cover"
                />
              </button>
            ) : (
              <a
                href={contentUrl(file.id)}
                download={file.name}
                aria-label={strings.files.download(file.name)}
                className="flex max-w-72 items-center gap-2 rounded-md border bg-surface px-2.5 py-1.5 text-xs hover:border-line-strong coarse:min-h-11"
              >
                <File className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
                <span className="min-w-0 truncate font-medium">{file.name}</span>
                <span className="shrink-0 text-ink-3 tabular-nums">{bytes(file.bytes)}</span>
              </a>
            )}
          </li>
        ))}
      </ul>
      <Dialog
        open={shown !== null}
        onOpenChange={(open) => (open ? undefined : setShown(null))}
        title={shown?.name ?? ""}
        place="wide"
      >
        {shown === null ? null : (
          <div className="flex min-h-0 flex-col items-center gap-3 px-4 pb-4">
            <img
              src={contentUrl(shown.id)}
              alt={shown.name}
              className="min-h-0 max-w-full rounded-md object-contain"
            />
            <a
              href={contentUrl(shown.id)}
              download={shown.name}
              className="inline-flex items-center gap-2 text-accent text-sm hover:underline"
            >
              <Download className="size-4" aria-hidden="true" />
              {strings.files.save} ({bytes(shown.bytes)})
            </a>
          </div>
        )}
      </Dialog>
    </>
  );
}
