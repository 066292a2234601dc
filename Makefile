# The project's commands. Each installs what it needs and is missing, and says what it installs.

# Installs a cargo command where it is missing; a debug build of it is made in half the time.
need = command -v $(1) >/dev/null || { echo "installing $(1)"; cargo install --locked --quiet --debug $(1); }

.DEFAULT_GOAL := help
.PHONY: help run stop judge-demo test fuzz lint doc deny bench measure languages wit plugins clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: plugins ## Build in release mode, serve the sample on 127.0.0.1:8700, say what to open next
	@./examples/run.sh

stop: ## Stop what `make run` started
	@./examples/run.sh stop

judge-demo: plugins ## Judges with models of their own on this machine, on 127.0.0.1:8700, until ^C
	@./examples/judge-demo.sh

test: plugins ## Every test, against the real server and real plugins
	@$(call need,cargo-nextest)
	cargo build --package tribunal
	cargo nextest run --workspace
	cargo test --quiet --workspace --doc
	cd plugins && cargo test --quiet --workspace

# A run goes on from the corpus that the last one left; the seeds are only read.
fuzz: ## Throw random input at the edge TARGET for TIME seconds, 1,260 where not given
	@test -d "tests/fuzz/seeds/$(TARGET)" && test -n "$(TARGET)" || { echo "TARGET is one of $(notdir $(wildcard tests/fuzz/seeds/*))"; exit 1; }
	@$(call need,cargo-fuzz)
	@mkdir -p tests/fuzz/corpus/$(TARGET)
	cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none $(TARGET) tests/fuzz/corpus/$(TARGET) tests/fuzz/seeds/$(TARGET) \
		-- -max_total_time=$(or $(TIME),1260) -max_len=8192 -len_control=0 -timeout=120 -rss_limit_mb=3000

lint: ## Format and clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd plugins && cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings
	cd tests/guests && cargo fmt --all --check
	cd tests/fuzz && cargo fmt --all --check

doc: ## The API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

deny: ## Licences and sources of what the project depends on
	@$(call need,cargo-deny)
	cargo deny --all-features check bans licenses sources

bench: plugins ## The figures of the README, each beside its ceiling
	cargo build --release --package tribunal
	cargo bench --package tribunal-tests --bench figures

measure: plugins ## How good the plugins are, against human labels; MODELS=FILE: judges with its models too
	cargo build --release --package tribunal
	cargo run --release -p tribunal-tests --bin measure -- $(if $(MODELS),--models $(MODELS)) $(if $(DATA),$(DATA),$(if $(wildcard ../shared/data),../shared/data,examples/labels))

languages: ## The table of languages, once `make test` has built their plugins
	cargo build --release --package tribunal
	cargo run --quiet --package tribunal-tests --bin languages

# What `wkg publish` takes, and what `wit-deps` fetches; each is the same to the byte every time.
TRIBUNAL = cargo run --quiet --package tribunal --
WIT = target/wit
wit: ## The contract as packages for wkg and wit-deps, into target/wit
	@mkdir -p $(WIT)
	$(TRIBUNAL) plugin wit $(WIT)/tribunal-plugin-0.1.0.wasm
	tar --create --gzip --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r \
		--transform='s,^,wit/,' --directory=wit/v0.1 --file=$(WIT)/tribunal-plugin-0.1.0.tar.gz kinds.wit models.wit types.wit worlds.wit

plugins: ## Build every plugin into target/plugins
	@./plugins/build.sh

clean: ## Remove everything that was built
	cargo clean
