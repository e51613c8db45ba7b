# One image with the binary and nothing else: no shell, no root. Data lies in the volume /data.

FROM node:20-bookworm-slim AS client
WORKDIR /build/client
COPY client/package.json client/package-lock.json client/.npmrc ./
RUN npm ci
COPY client ./
RUN npm run build

FROM rust:1.90-bookworm AS chef
RUN cargo install cargo-chef --locked --version 0.1.73
WORKDIR /build

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

# Dependencies are a layer of their own, built again only when the lock file changes.
FROM chef AS server
COPY --from=plan /build/recipe.json recipe.json
RUN cargo chef cook --locked --release --package hotdesk --bin hotdesk --recipe-path recipe.json
COPY . .
COPY --from=client /build/client/dist ./client/dist
# Names for backtraces stay; lines of the source would make it four times as large.
RUN cargo build --locked --release --bin hotdesk && strip --strip-debug target/release/hotdesk && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=server /build/target/release/hotdesk /hotdesk
COPY --from=server --chown=nonroot:nonroot /data /data
VOLUME /data
ENV HOTDESK_PROFILE=production HOTDESK__SERVER__DATA=/data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s CMD ["/hotdesk", "health"]
ENTRYPOINT ["/hotdesk"]
CMD ["serve"]
