# One image with the binary and nothing else. Data lies in the volume /data.

FROM node:20-bookworm-slim AS client
WORKDIR /build/client
COPY client/package.json client/package-lock.json client/.npmrc ./
RUN npm ci
COPY client ./
RUN npm run build

FROM rust:1.90-bookworm AS server
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs ./
COPY config ./config
COPY src ./src
COPY load-tests ./load-tests
COPY --from=client /build/client/dist ./client/dist
# The manifest names the integration tests' entry, which is not built here.
RUN mkdir -p tests/it && touch tests/it/main.rs && cargo build --locked --release --bin hotdesk

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 hotdesk && install -d -o hotdesk -g hotdesk /data
COPY --from=server /build/target/release/hotdesk /usr/local/bin/hotdesk
USER hotdesk
VOLUME /data
ENV HOTDESK_PROFILE=production HOTDESK__SERVER__DATA=/data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["hotdesk"]
CMD ["serve"]
