"""diffusers' schedulers: what each is here, and the faults of those that are something else."""
