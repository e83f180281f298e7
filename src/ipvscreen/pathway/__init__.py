"""The steps of a visit, one public function a module; no step calls another."""
