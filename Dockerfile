# Every program of the project, on processors: see "In a container" in README.md. Dockerfile.gpu is the same for NVIDIA
# GPUs; a test holds that the two differ where they must, and nowhere else.

FROM debian:bookworm-slim AS build

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3.11-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /build
COPY requirements.lock requirements.lock

# As tools/environment.bzl installs them: a few requirements come as sources only, and are built with the setuptools and
# the wheel of the lock. pip's settings and the certificates of whoever builds, where they are given, are in no layer.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3.11 -m venv /opt/venv \
    && awk '/^[^ #]/ { is_kept = /^(setuptools|wheel)==/ } is_kept' requirements.lock > build_requirements.lock \
    && /opt/venv/bin/pip install --no-deps --require-hashes --no-compile --no-cache-dir --progress-bar=off \
        --requirement=build_requirements.lock \
    && /opt/venv/bin/pip install --no-deps --require-hashes --no-compile --no-cache-dir --progress-bar=off \
        --no-build-isolation --use-pep517 --requirement=requirements.lock

# The engine of distributed conversion, in a folder of its own.
COPY requirements_spark.lock requirements_spark.lock
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    /opt/venv/bin/pip install --no-deps --require-hashes --no-compile --no-cache-dir --progress-bar=off \
        --no-build-isolation --use-pep517 --target=/opt/spark --requirement=requirements_spark.lock

# What tests, checks and locks are made with, what TensorFlow's own build is, and what installs.
RUN /opt/venv/bin/pip uninstall --yes atheris hypothesis libclang mypy pytest ruff uv pip \
    && rm -r /opt/venv/lib/python3.11/site-packages/tensorflow/include

COPY LICENSE /opt/mammo/LICENSE
COPY configs /opt/mammo/configs
COPY data_tools /opt/mammo/data_tools
COPY examples /opt/mammo/examples
COPY mammo /opt/mammo/mammo
COPY models /opt/mammo/models

# Compiled here, since the root may be read-only where it runs, and whatever the times of its files are then. Some packages
# carry files that are no Python 3.11; ours are all to compile. Whoever runs it may read it, whoever has built it.
RUN compile="/opt/venv/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash" \
    && $compile /opt/mammo \
    && { $compile /opt/venv/lib /opt/spark || true; } \
    && chmod -R a+rX,go-w /opt

FROM debian:bookworm-slim

# libnss-unknown gives any number of a user a name, which Java wants: that of USER below, or that of `--user`. tini hands
# signals on and reaps what is orphaned, as the first process of a container must.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libnss-unknown python3.11 tini \
    && rm -rf /var/lib/apt/lists/*

COPY --from=build /opt/spark /opt/spark
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/mammo /opt/mammo

# What libraries keep in a home (fonts found, kernels compiled) goes to /tmp: with --read-only a --tmpfs, and gone afterwards.
ENV HOME=/tmp \
    LANG=C.UTF-8 \
    PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    MAMMO_SPARK_FOLDER=/opt/spark

# Relative paths are relative to it. It is root's, so that it can be written only where a folder is mounted there.
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["tini", "--", "/opt/venv/bin/python", "-I", "/opt/mammo/mammo/start.py"]
