import ca.uhn.fhir.context.FhirContext;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;

/** Copies R4 resources into a folder, those that are XML as JSON: ToJson FOLDER FILE ... */
public class ToJson {
  public static void main(String[] arguments) throws IOException {
    FhirContext context = FhirContext.forR4();
    Path folder = Files.createDirectories(Path.of(arguments[0]));
    for (int i = 1; i < arguments.length; i++) {
      Path file = Path.of(arguments[i]);
      if (file.toString().endsWith(".json")) {
        Files.copy(file, folder.resolve(file.getFileName()));
        continue;
      }
      try (Reader reader = Files.newBufferedReader(file)) {
        String name = file.getFileName().toString().replace(".xml", ".json");
        String json = context.newJsonParser().encodeResourceToString(context.newXmlParser().parseResource(reader));
        Files.writeString(folder.resolve(name), json);
      }
    }
  }
}
