# A patch release of Python and a release of Debian. The tag moves with fixes of Debian: for the same bytes
# each time append the digest that the registry has for it (@sha256:…, shown by `docker buildx imagetools
# inspect`). None stands here, as no registry was reachable where this file was written.
FROM python:3.12.12-slim-trixie

WORKDIR /app

# Log lines leave at once. A container's ports are reached from outside of it only, and only where
# they are published; elsewhere the service listens on loopback.
ENV PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    SANDBOX_HOST=0.0.0.0

# A named volume at /data takes its owner from here: else no journal could be written there.
RUN groupadd --gid 10001 imgup \
    && useradd --uid 10001 --gid imgup --no-create-home --home-dir /tmp --shell /usr/sbin/nologin imgup \
    && install --directory --owner=imgup --group=imgup /data

# Before the code, so that a change of code installs nothing again. INSTALL=ray adds what BACKEND=ray
# needs (docs/scale-out.md).
ARG INSTALL=
COPY requirements.txt requirements-ray.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes \
        --requirement requirements.txt ${INSTALL:+--requirement requirements-$INSTALL.txt}

COPY LICENSE ./
COPY converter converter
COPY service service
COPY workers workers
COPY sandbox sandbox
COPY imgup imgup

# The base image has no bytecode and the service cannot write any, so each of its processes would
# compile all it uses at every start. An import here, as root, leaves what it compiled; and shows
# while building that everything is there.
RUN python -c "import converter.server, service.run, sandbox.run, imgup.cli, imgup.client, imgup.screen, jinja2" \
    && python -m compileall -q converter service workers sandbox imgup

LABEL org.opencontainers.image.title="imgup" \
      org.opencontainers.image.description="Downloads lists of image URLs and uploads them to Imgur" \
      org.opencontainers.image.licenses="MIT"

# Numeric, so that an orchestrator can see that it is not root.
USER 10001:10001

# The API, and the sandbox (used while there is no Imgur account).
EXPOSE 8000 8001

# Liveness, not readiness: what is unhealthy may get restarted, and a restart loses the jobs, so
# only a service that does not answer at all is. http.client, as it knows no proxy variables.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('localhost', int(os.environ.get('PORT') or 8000), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

STOPSIGNAL SIGTERM
CMD ["python", "-m", "service"]
