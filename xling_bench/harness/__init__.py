"""The only part that imports lm_eval: adapters its YAML calls, the runner, linking, the doctor."""
