# One image; every process is the same image with other arguments: `gateway`, `worker parser`, `migrate`.
#
#   BASE      any image with Python 3.11 or newer; name it with its digest where builds must repeat
#   VERSION, REVISION   what the labels say
#   secret ca           certificates that package downloads are checked by, behind an own proxy
ARG BASE=python:3.11-slim-bookworm

# --- build: an environment with everything in it, from hashes that are in the repository
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /source
COPY requirements/ requirements/
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca; fi \
    && python3 -m venv /uv \
    && /uv/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements/uv.txt \
    && /uv/bin/uv venv --quiet --python python3 /opt/ragline \
    && /uv/bin/uv pip sync --quiet --python /opt/ragline/bin/python --require-hashes --compile-bytecode \
        requirements/cloud.txt
COPY . .
# What builds the wheel is held to its hashes, too, and stays in this stage.
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
    && /uv/bin/uv build --quiet --wheel --build-constraints requirements/dev.txt --require-hashes --out-dir /wheel \
    && /uv/bin/uv pip install --quiet --python /opt/ragline/bin/python --no-deps --compile-bytecode /wheel/*.whl

# --- the image: Python, the environment, and a user who owns nothing
FROM ${BASE}
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ragline" \
      org.opencontainers.image.description="Documents in, cited answers out" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
RUN groupadd --gid 10001 ragline \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin ragline
COPY --from=build /opt/ragline /opt/ragline
# Only /tmp is written to. Strict where nobody says otherwise; addresses that others reach.
ENV PATH=/opt/ragline/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production DEPLOYMENT_MODE=cloud DATA_DIR=/tmp/ragline CACHE_DIR=/tmp/ragline-cache \
    HOST=0.0.0.0 METRICS_HOST=0.0.0.0 METRICS_PORT=9100
WORKDIR /tmp
USER 10001:10001
EXPOSE 8000 9100
ENTRYPOINT ["ragline"]
