# The program alone, as nobody in particular; its PostgreSQL is named by
# DATABASE_URL. See compose.yaml for both together.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=container
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X semantik/app.stamp=$VERSION" -o /out/semantik . \
    && mkdir -p /out/data /out/backups /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/semantik /usr/local/bin/semantik
# The key that signs tokens, and uploads while they arrive.
COPY --from=build --chown=65532:65532 /out/data /data
# What "semantik backup create" writes: a volume of its own, better on another disk.
COPY --from=build --chown=65532:65532 /out/backups /backups
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
ENV HTTP_ADDR=0.0.0.0:8080 SEMANTIK_DATA=/data BACKUP_DIR=/backups LOG_FORMAT=json
VOLUME /data /backups
EXPOSE 8080
# There is no shell and no curl in the image: the program asks itself.
HEALTHCHECK --interval=10s --timeout=6s --start-period=10m --retries=3 \
    CMD ["/usr/local/bin/semantik", "health"]
ENTRYPOINT ["/usr/local/bin/semantik"]
CMD ["serve"]
