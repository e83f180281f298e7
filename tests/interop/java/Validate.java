import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.IParser;
import ca.uhn.fhir.parser.LenientErrorHandler;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.Questionnaire;
import org.hl7.fhir.r4.model.ValueSet;

/**
 * Validates R4 resources with HAPI, all files in one run, without a network. Definitions among the files are
 * known to all of them. Prints a JSON object: for each file, a list of {severity, location, message}.
 */
public class Validate {
  /** Finds Questionnaires too, by url and version: HAPI's own finds only terminology and profiles. */
  private static class Ours extends PrePopulatedValidationSupport {
    final Map<String, Questionnaire> forms = new LinkedHashMap<>();

    Ours(FhirContext context) {
      super(context);
    }

    @Override
    public <T extends IBaseResource> T fetchResource(Class<T> type, String canonical) {
      String[] parts = canonical.split("\\|");
      Questionnaire form = forms.get(parts[0]);
      if (form == null || !type.isInstance(form)) return super.fetchResource(type, canonical);
      return parts.length == 1 || parts[1].equals(form.getVersion()) ? type.cast(form) : null;
    }
  }

  public static void main(String[] files) throws IOException {
    FhirContext context = FhirContext.forR4();
    // What is wrong is for the validator to say, not for the parser that looks for definitions.
    var lenient = new LenientErrorHandler().setErrorOnInvalidValue(false);
    IParser parser = context.newJsonParser().setParserErrorHandler(lenient);
    Ours ours = new Ours(context);
    Map<String, String> texts = new LinkedHashMap<>();
    for (String file : files) {
      String text = Files.readString(Path.of(file));
      texts.put(file, text);
      IBaseResource resource = parser.parseResource(text);
      if (resource instanceof CodeSystem system) ours.addCodeSystem(system);
      if (resource instanceof ValueSet set) ours.addValueSet(set);
      if (resource instanceof Questionnaire form) ours.forms.put(form.getUrl(), form);
    }
    FhirValidator validator = validator(context, ours);
    Map<String, List<Map<String, String>>> found = new LinkedHashMap<>();
    texts.forEach((file, text) -> found.put(file, messages(validator, text)));
    System.out.println(new com.google.gson.Gson().toJson(found));
  }

  private static FhirValidator validator(FhirContext context, Ours ours) {
    // LOINC and SNOMED CT are licensed and large: what names them is a warning, never silently right.
    UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
    ValidationSupportChain chain = new ValidationSupportChain(
        ours,
        new DefaultProfileValidationSupport(context),
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context),
        unknown);
    FhirInstanceValidator instance = new FhirInstanceValidator(chain);
    instance.setAnyExtensionsAllowed(true); // the SDC package is not on Maven Central
    return context.newValidator().registerValidatorModule(instance);
  }

  private static List<Map<String, String>> messages(FhirValidator validator, String text) {
    List<Map<String, String>> found = new ArrayList<>();
    for (SingleValidationMessage message : validator.validateWithResult(text).getMessages()) {
      Map<String, String> one = new LinkedHashMap<>();
      one.put("severity", message.getSeverity().getCode());
      one.put("location", String.valueOf(message.getLocationString()));
      one.put("message", message.getMessage());
      found.add(one);
    }
    return found;
  }
}
