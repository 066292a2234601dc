"""Serves a language model in OpenAI's dialect with llama.cpp's own server, until it is ended.

    python serve.py WEIGHTS.gguf PORT
"""

import signal
import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
# What answers are said to be of, rather than a path.
parameters.model_alias = {"smollm2-135m-instruct"}
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
# Two requests at a time, with 4,096 tokens each.
parameters.n_parallel = 2
parameters.n_ctx = 8192
parameters.cpuparams.n_threads = 2
server = xllamacpp.Server(parameters)
signal.pause()
