# Keyturn in a container: docker build -t keyturn . && docker run keyturn --help
# It runs as uid 1000 (any other will do) on a read-only root file system; what it keeps is in PostgreSQL and Redis.

ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
# For a build behind a proxy that has a certificate authority of its own: where the base image has its certificate.
ARG NODE_EXTRA_CA_CERTS
WORKDIR /build
# No package that we use needs its install script.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY migrations migrations
COPY src src
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts \
  && find node_modules/argon2/prebuilds -mindepth 1 -maxdepth 1 \
    ! -name "linux-$(node -p process.arch)*" -exec rm -r {} +

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Keyturn" \
  org.opencontainers.image.description="A standalone OAuth 2.1 token service" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
  KEYTURN_HOST=0.0.0.0 \
  KEYTURN_KEYS_DIR=/keys \
  KEYTURN_DATA_DIR=/data
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
# /keys is where the sealing key is mounted; /data is written in embedded mode only. `docker exec … keyturn` works too.
RUN install -d -o 1000 -g 1000 /keys /data && ln -s /app/dist/src/cli/main.js /usr/local/bin/keyturn
USER 1000:1000
EXPOSE 7600 7601
STOPSIGNAL SIGTERM
# Whether the process answers. Whether to send it requests is for /readyz, and for a load balancer to ask.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["node", "-e", \
  "fetch('http://127.0.0.1:'+(process.env.KEYTURN_PORT||7600)+'/livez').then((it)=>process.exit(it.ok?0:1),()=>process.exit(1))"]
# Node is the first process and handles SIGTERM itself: it answers what has arrived, then exits with 0.
ENTRYPOINT ["node", "/app/dist/src/cli/main.js"]
CMD ["serve"]
